import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs a command in the repository, shows its output, and resolves with whether it ended well.
 * @param {string} command
 * @param {string[]} args
 */
export async function step(command, args) {
  console.log(`\n> ${command.split('/').at(-1)} ${args.map((arg) => arg.replace(root, '')).join(' ')}`);
  const [code] = await once(spawn(command, args, { cwd: root, stdio: 'inherit' }), 'close');
  return code === 0;
}

/**
 * Runs the command line of an installed package.
 * @param {string} script path below node_modules
 * @param {string[]} args
 */
export function tool(script, args) {
  return step(process.execPath, [`${root}node_modules/${script}`, ...args]);
}
