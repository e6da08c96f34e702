import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../packages/server/dist/bin.js', import.meta.url));

/** `parvis dev`, as built. */
export interface DevServer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  readonly key: string;
  stop(): Promise<void>;
}

/** Starts `parvis dev` on a free port. Rejects if it is not built, or says nothing for half a minute. */
export async function startDevServer(): Promise<DevServer> {
  if (!existsSync(bin)) throw new Error('parvis is not built: npm run build');
  const child = spawn(process.execPath, [bin, 'dev', '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { url, port, key, demo } = JSON.parse(await firstLine(child));
  if (!demo) {
    child.kill('SIGTERM');
    throw new Error('the demo is not built: npm run build');
  }
  return {
    url,
    port,
    key,
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no output to read');
  const lines = createInterface({ input: child.stdout });
  try {
    const [line] = await once(lines, 'line', { signal: AbortSignal.timeout(30_000) });
    return line;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
