import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** What can be imported of the published packages, with one name that must be there. */
const entries = [
  ['protocol', '@parvis/protocol', 'ErrorInfo'],
  ['auth', '@parvis/auth', 'issueJwt'],
  ['server', 'parvis', 'createServer'],
  ['server', 'parvis/engine', 'createLocalEngine'],
  ['spaces', '@parvis/spaces', 'default'],
  ['spaces', '@parvis/spaces/playback', 'CursorPlayback'],
  ['spaces', '@parvis/spaces/follow', 'Follow'],
] as const;

/** A folder within the repository, so that its packages are found from there. */
function folder(): string {
  mkdirSync(join(root, 'artifacts'), { recursive: true });
  const path = mkdtempSync(join(root, 'artifacts/builds-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

async function namesIn(script: string, type: 'module' | 'commonjs'): Promise<string[]> {
  const { stdout } = await run(process.execPath, [`--input-type=${type}`, '-e', script], { cwd: root });
  return JSON.parse(stdout).sort();
}

describe('packages as they are built', () => {
  it.each(entries)('[OP44] %s: %s is the same as ES module and as CommonJS', async (_folder, name, one) => {
    const print = 'console.log(JSON.stringify(Object.keys(all).filter((name) => name !== "module.exports")))';
    const asModule = await namesIn(`import * as all from '${name}'; ${print}`, 'module');
    const asCommonJs = await namesIn(`const all = require('${name}'); ${print}`, 'commonjs');
    expect(asModule).toContain(one);
    expect(asCommonJs).toEqual(asModule);
  });

  it.each([...new Set(entries.map(([name]) => name))])('[OP44] every file that %s exports is there', (name) => {
    const base = join(root, 'packages', name);
    const manifest = JSON.parse(readFileSync(join(base, 'package.json'), 'utf8'));
    const paths: string[] = [];
    const collect = (value: unknown, condition = '') => {
      if (typeof value === 'string') paths.push(...(condition === '@parvis/source' ? [] : [value]));
      else for (const [key, inner] of Object.entries(value ?? {})) collect(inner, key);
    };
    collect(manifest.exports);
    collect(manifest.bin);
    paths.push(manifest.main, manifest.module, manifest.types, 'LICENSE');
    expect(paths.filter((path) => !existsSync(join(base, path)))).toEqual([]);
  });

  it('[OP44] types resolve for ES modules and for CommonJS', async () => {
    const path = folder();
    const lines = entries.map(([, name, one], at) =>
      one === 'default'
        ? `import x${at} from '${name}'; void x${at};`
        : `import { ${one} as x${at} } from '${name}'; void x${at};`,
    );
    for (const extension of ['mts', 'cts']) writeFileSync(join(path, `all.${extension}`), lines.join('\n'));
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'node16',
      '--target',
      'es2022',
      '--types',
      'node',
      '--skipLibCheck',
    ];
    const files = ['mts', 'cts'].map((extension) => join(path, `all.${extension}`));
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options, ...files], { cwd: path });
  });
});
