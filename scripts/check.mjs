// Everything that must hold: `npm run check`. Goes on after a step that fails, and ends with how many tests passed and failed.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { root, step, tool } from './step.mjs';

const results = `${root}artifacts/tests.json`;
const failures = [];

if (!(await step(process.execPath, [`${root}scripts/install.mjs`]))) {
  console.log('\n0 passed, 1 failed');
  process.exit(1);
}
if (!(await tool('@biomejs/biome/bin/biome', ['ci', '.']))) failures.push('format and lint');
if (!(await tool('typescript/bin/tsc', ['-p', 'tsconfig.json']))) failures.push('types');
if (!(await step(process.execPath, [`${root}scripts/build.mjs`]))) failures.push('build');

await mkdir(`${root}artifacts`, { recursive: true });
await rm(results, { force: true });
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
const isGreen = await tool('vitest/vitest.mjs', ['run', ...reporters]);
const { passed, failed, skipped } = await countTests();
// A file that does not load, or an error outside of any test, fails the run without failing a test.
if (!isGreen && failed === 0) failures.push('test run');

console.log();
for (const title of skipped) console.log(`skipped: ${title}`);
for (const name of failures) console.log(`failed: ${name}`);
console.log(`${passed} passed, ${failed + failures.length} failed`);
process.exitCode = isGreen && failures.length === 0 ? 0 : 1;

async function countTests() {
  try {
    const { testResults } = JSON.parse(await readFile(results, 'utf8'));
    const tests = testResults.flatMap((file) => file.assertionResults);
    const count = (/** @type {string} */ status) => tests.filter((test) => test.status === status).length;
    const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
    return { passed: count('passed'), failed: count('failed'), skipped: skipped.map(({ fullName }) => fullName) };
  } catch {
    return { passed: 0, failed: 0, skipped: [] };
  }
}
