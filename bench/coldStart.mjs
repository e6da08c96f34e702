import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { keyName, keySecret } from './jwt.mjs';

const bin = fileURLToPath(new URL('../packages/server/dist/bin.js', import.meta.url));

/** ms from spawning `parvis start` to its line that says it listens. Throws when it ends before, or after 10 s. */
export async function measureColdStart() {
  const began = performance.now();
  const child = spawn(process.execPath, [bin, 'start', '--port', '0', '--key', `${keyName}:${keySecret}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 10_000,
  });
  let output = '';
  try {
    return await new Promise((resolve, reject) => {
      const read = (/** @type {Buffer} */ bytes) => {
        output += bytes;
        if (/listening/i.test(output)) resolve(performance.now() - began);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`parvis start ended (${code}): ${output}`)));
    });
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
  }
}

/** ms from spawning Node with nothing to do to its end. */
export async function measureNode() {
  const began = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore', timeout: 10_000 }), 'exit');
  return performance.now() - began;
}
