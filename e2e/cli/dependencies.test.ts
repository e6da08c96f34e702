import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as {
  packages: Record<string, Locked>;
};

/** What each published package brings along, ours left out. A new name here is argued for in its commit. */
const allowed: Record<string, string[]> = {
  '@parvis/protocol': [],
  '@parvis/auth': [],
  '@parvis/spaces': [],
  parvis: [
    '@opentelemetry/api',
    '@pinojs/redact',
    'atomic-sleep',
    'bintrees',
    'on-exit-leak-free',
    'pino',
    'pino-abstract-transport',
    'pino-std-serializers',
    'process-warning',
    'prom-client',
    'quick-format-unescaped',
    'real-require',
    'safe-stable-stringify',
    'sonic-boom',
    'split2',
    'tdigest',
    'thread-stream',
    'ws',
  ],
};

/** Paths of all packages that one needs at run time, by the rules of node_modules. */
function closureOf(name: string): Set<string> {
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path)) return;
    found.add(path);
    const { link, resolved = '' } = packages[path] ?? {};
    const folder = link ? resolved : path;
    const { dependencies = {}, optionalDependencies = {} } = packages[folder] ?? {};
    for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) visit(placeOf(each, folder));
  };
  visit(`node_modules/${name}`);
  return found;
}

function placeOf(name: string, from: string): string {
  for (let folder = from; folder !== ''; folder = folder.replace(/\/?(node_modules\/)?(@[^/]+\/)?[^/]+$/, '')) {
    const path = `${folder}/node_modules/${name}`;
    if (packages[path] !== undefined) return path;
  }
  return `node_modules/${name}`;
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('what comes with the packages (attack 67)', () => {
  it.each(Object.entries(allowed))('[OP43] %s brings nothing that is not on the list', (name, names) => {
    const outside = [...closureOf(name)]
      .map(nameOf)
      .filter((each) => each !== 'parvis' && !each.startsWith('@parvis/'));
    expect([...new Set(outside)].sort()).toEqual(names);
  });

  it.each(Object.keys(allowed))('[OP43] nothing of %s runs a script at install or holds native code', (name) => {
    for (const path of closureOf(name)) {
      expect(packages[path]?.version ?? packages[path]?.link, `${path} is locked`).toBeTruthy();
      expect(packages[path]?.hasInstallScript, path).toBeUndefined();
      const files = existsSync(`${root}${path}`) ? readdirSync(`${root}${path}`, { recursive: true }) : [];
      expect(
        files
          .map(String)
          .filter((file) => /(^|\/)binding\.gyp$|\.node$/.test(file) && !file.includes('/node_modules/')),
      ).toEqual([]);
    }
  });

  it('[OP43] the lock file names no registry', () => {
    for (const [path, { link, resolved }] of Object.entries(packages)) {
      if (!link) expect(resolved, path).toBeUndefined();
    }
  });
});
