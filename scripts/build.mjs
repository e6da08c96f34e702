// Builds every package and lays out what the server serves: `npm run build`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './step.mjs';

const require = createRequire(import.meta.url);
const tsdown = join(dirname(require.resolve('tsdown/package.json')), 'dist/run.mjs');

/**
 * Builds one package. Its sources find other packages by their sources, so that no order is needed.
 * @param {string} name
 */
async function buildPackage(name) {
  const cwd = join(root, 'packages', name);
  const child = spawn(process.execPath, [tsdown, '--logLevel', 'warn'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`packages/${name} does not build\n${output}`);
}

/**
 * Runs jobs, so many at a time.
 * @param {(() => Promise<unknown>)[]} jobs
 * @param {number} width
 */
async function runAll(jobs, width) {
  const waiting = [...jobs];
  const worker = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await job();
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** The demo, and the scripts that a page can load from the server itself. */
async function layOutSite() {
  const site = join(root, 'packages/server/dist/public');
  await rm(site, { recursive: true, force: true });
  await mkdir(join(site, 'cdn'), { recursive: true });
  const { buildDemo } = await import('../apps/demo/build.mjs');
  await buildDemo(site);
  await copyFile(join(root, 'node_modules/ably/build/ably.min.js'), join(site, 'cdn/ably.min.js'));
  await copyFile(join(root, 'packages/spaces/dist/iife/index.bundle.js'), join(site, 'cdn/spaces.js'));
}

const began = performance.now();
const names = await readdir(join(root, 'packages'));
const packages = names.filter((name) => existsSync(join(root, 'packages', name, 'tsdown.config.ts')));
// The largest first, so that it is not what all wait for at the end.
packages.sort((a, b) => Number(b === 'server') - Number(a === 'server'));
await runAll(
  packages.map((name) => () => buildPackage(name)),
  Math.min(4, Math.max(2, availableParallelism())),
);
await layOutSite();
console.log(`built ${packages.length} packages and the demo in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
