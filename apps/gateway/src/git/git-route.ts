export type GitService = 'git-upload-pack' | 'git-receive-pack';

/** What an agent asks of a host: the references (GET), or an exchange of objects (POST). */
export type GitRoute = { host: string; repository: string; service: GitService; path: string; method: 'GET' | 'POST' };

const GIT_URL = /^\/git\/([^/?#]+)((?:\/[\w.~+@-]+)+)\/(?:info\/refs\?service=(git-upload-pack|git-receive-pack)|(git-upload-pack|git-receive-pack))$/;
const MAX_URL_CHARACTERS = 1024;

/**
 * Reads a request of git's smart HTTP protocol below /git/<host>/; undefined for anything else. Nothing in a path is
 * decoded, and no segment is `.` or `..`, so that no two of them mean the same.
 */
export function gitRoute(method: string | undefined, url: string): GitRoute | undefined {
  if (url.length > MAX_URL_CHARACTERS) return undefined;
  const [, host = '', repository = '', listed, exchanged] = GIT_URL.exec(url) ?? [];
  const service = (listed ?? exchanged) as GitService | undefined;
  if (service === undefined || method !== (listed ? 'GET' : 'POST')) return undefined;
  if (repository.split('/').some((segment) => segment === '.' || segment === '..')) return undefined;
  return { host: host.toLowerCase(), repository, service, path: url.slice(`/git/${host}`.length), method };
}
