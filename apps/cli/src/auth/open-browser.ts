import { spawn } from 'node:child_process';

/** Asks the desktop to show a page. Where there is none nothing happens: the address has been printed as well. */
export function openBrowser(url: string): void {
  const command = process.platform === 'darwin' ? 'open' : 'xdg-open';
  spawn(command, [url], { detached: true, stdio: 'ignore' })
    .on('error', () => undefined)
    .unref();
}
