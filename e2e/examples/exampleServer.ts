import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** An example that runs as its README says, in a process of its own. */
export interface ExampleServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts one of examples/token-server on a free port. Rejects with what it complains of if it does not come up. */
export async function startExample(file: string, environment: Record<string, string>): Promise<ExampleServer> {
  const path = fileURLToPath(new URL(`../../examples/token-server/${file}`, import.meta.url));
  const child = spawn(process.execPath, [path], { env: { ...process.env, PORT: '0', ...environment } });
  let complaint = '';
  child.stderr.on('data', (bytes) => {
    complaint += bytes;
  });
  const ended = once(child, 'exit');
  const said = once(createInterface({ input: child.stdout }), 'line', { signal: AbortSignal.timeout(30_000) });
  const [line] = await Promise.race([said, ended.then(() => [complaint])]).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  const url = /^listening on (http:\S+)$/.exec(String(line))?.[1];
  if (!url) throw new Error(`${file} did not start: ${line}`);
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
