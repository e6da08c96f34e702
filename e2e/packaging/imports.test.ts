import { describe, expect, it } from 'vitest';
import { filesUnder, importsOf, textOf } from './sources.ts';

const isSource = (name: string) => /\.tsx?$/.test(name) && !/\.test(-d)?\.tsx?$/.test(name);
const sourcesOf = (folder: string) => filesUnder(folder, isSource);

/** What each package may import beyond its own files; Node's own modules where it says `node`. */
const packageArrows: Record<string, string[]> = {
  protocol: [],
  auth: ['@parvis/protocol'],
  server: ['node', '@parvis/protocol', '@parvis/auth', 'jose', 'pino', 'prom-client'],
  spaces: [],
};

/** Inside the server: which folders a folder may import. Files beside the folders wire them. */
const serverArrows: Record<string, string[]> = {
  transport: ['transport', 'clock.ts', 'limits.ts'],
  access: ['access', 'filter', 'clock.ts', 'limits.ts'],
  engine: ['engine', 'clock.ts'],
  observe: ['observe'],
  settings: ['settings', 'access', 'limits.ts'],
  site: ['site'],
  cli: ['cli', 'settings', 'config.ts', 'server.ts'],
  delta: ['delta'],
  filter: ['filter'],
  channel: ['channel', 'delta', 'filter', 'engine', 'access', 'transport', 'observe', 'clock.ts', 'limits.ts'],
  connection: ['connection', 'channel', 'engine', 'access', 'transport', 'observe', 'clock.ts', 'limits.ts'],
  http: ['http', 'channel', 'engine', 'access', 'observe', 'clock.ts', 'limits.ts'],
};

describe('imports point one way', () => {
  it.each(Object.entries(packageArrows))('[PK1] %s imports nothing but what it may', (name, allowed) => {
    const wrong = sourcesOf(`packages/${name}/src`).flatMap((file) =>
      importsOf(file)
        .filter((target) => !target.startsWith(`packages/${name}/`))
        .filter((target) => !(target.startsWith('node:') && allowed.includes('node')))
        .filter((target) => !allowed.includes(target))
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it.each(Object.entries(serverArrows))('[PK1] server/%s imports nothing but what it may', (folder, allowed) => {
    const base = 'packages/server/src/';
    const wrong = sourcesOf(`${base}${folder}`).flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith(base))
        .filter((target) => !allowed.includes(target.slice(base.length).split('/')[0] ?? ''))
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('[PK2] no files of a package import each other in a circle', () => {
    const graph = new Map(sourcesOf('packages').map((file) => [file, runtimeImportsOf(file)]));
    const done = new Set<string>();
    const walk = (file: string, path: string[]): string[] => {
      if (path.includes(file)) return [[...path.slice(path.indexOf(file)), file].join(' -> ')];
      if (done.has(file)) return [];
      const found = (graph.get(file) ?? []).flatMap((next) => walk(next, [...path, file]));
      done.add(file);
      return found;
    };
    expect([...graph.keys()].flatMap((file) => walk(file, []))).toEqual([]);
  });

  it('[PK3] nobody but server.ts imports node.ts', () => {
    const importers = sourcesOf('packages').filter(
      (file) => file.includes('/src/') && importsOf(file).includes('packages/server/src/node.ts'),
    );
    expect(importers).toEqual(['packages/server/src/server.ts']);
  });

  it('[PK4] no source file has more than 400 lines', () => {
    const long = sourcesOf('packages')
      .map((file) => ({ file, lines: textOf(file).split('\n').length - 1 }))
      .filter(({ lines }) => lines > 400);
    expect(long).toEqual([]);
  });
});

/** Imports that exist at run time: types may refer to each other. */
function runtimeImportsOf(file: string): string[] {
  const withoutTypes = textOf(file).replaceAll(/(?:import|export)\s+type\b[^;]*;/g, '');
  return importsOf(file).filter((target) => {
    const name = target.split('/').at(-1) ?? '';
    return withoutTypes.includes(`/${name}'`) || withoutTypes.includes(`/${name}"`);
  });
}
