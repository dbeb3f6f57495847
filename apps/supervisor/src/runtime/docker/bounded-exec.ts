import { text } from 'node:stream/consumers';
import { type Duplex, Transform } from 'node:stream';
import type Docker from 'dockerode';

const MAX_OUTPUT_BYTES = 64 * 1024;

export type ExecEnd = { stdout: string; stderr: string; exitCode: number | null };

/**
 * What a command in an agent's container says and ends with. The agent can stop, kill and speak for what runs there under its
 * uid: rejects after `timeoutMs`, or 64 KiB of output, whatever the command's own limits are.
 */
export async function execIn(docker: Docker, container: Docker.Container, Cmd: string[], timeoutMs: number): Promise<ExecEnd> {
  let stream: Duplex | undefined;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const run = async (): Promise<ExecEnd> => {
    const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true });
    stream = await exec.start({});
    if (isOver) stream.destroy();
    const [stdout, stderr] = [bounded(), bounded()];
    docker.modem.demuxStream(stream, stdout, stderr);
    stream.once('close', () => [stdout, stderr].forEach((output) => output.end())).once('error', (error) => [stdout, stderr].forEach((output) => output.destroy(error)));
    const [said, complained] = await Promise.all([text(stdout), text(stderr)]);
    return { stdout: said, stderr: complained, exitCode: (await exec.inspect()).ExitCode };
  };
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer from the container within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([run(), late]);
  } finally {
    isOver = true;
    clearTimeout(timer);
    stream?.destroy();
  }
}

function bounded(): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(bytes > MAX_OUTPUT_BYTES ? new Error('the container says more than was asked for') : null, chunk);
    },
  });
}
