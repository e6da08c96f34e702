import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERSION } from './version.ts';

const root = new URL('../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const sources = readdirSync(new URL('src/', root)).filter((name) => /^[^.]+\.ts$/.test(name));

test('[SP28] the version in the agent string is that of the package', () => {
  expect(VERSION).toBe(manifest.version);
});

test('[SP28] nothing is needed at run time, not even the client', () => {
  expect(manifest.dependencies).toBeUndefined();
  expect(sources.length).toBeGreaterThan(10);
  for (const name of sources) {
    const text = readFileSync(new URL(`src/${name}`, root), 'utf8');
    const imported = [...text.matchAll(/from '([^']+)'/g)].map(([, path]) => path ?? '');
    expect(imported.filter((path) => !path.startsWith('./'))).toEqual([]);
  }
});

test('[SP28] importing the package touches neither window nor document', async () => {
  expect([typeof globalThis.window, typeof globalThis.document]).toEqual(['undefined', 'undefined']);
  const { default: Spaces } = await import('./index.ts');
  const { default: global } = await import('./iife.ts');
  expect(global).toBe(Spaces);
  expect(Object.keys(global)).toEqual(['Spaces', 'ErrorInfo', 'InvalidArgumentError', 'VERSION']);
});
