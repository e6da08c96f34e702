import { describe, expect, it } from 'vitest';
import { filesUnder, textOf } from '../packaging/sources.ts';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: string[];
  readonly cpu?: string[];
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  readonly devDependencies?: Record<string, string>;
  readonly workspaces?: string[];
}

const lock = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, Locked> };
const locked = new Map(Object.entries(lock.packages));
const manifests = filesUnder('packages', (name) => name === 'package.json');
const allowedLicenses = new Set(['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', '0BSD']);

/** All that the server needs of others: `jose`, `pino` and `prom-client`, and what these need. A new name is argued for in its commit. */
const knownDependencies = [
  '@opentelemetry/api',
  '@pinojs/redact',
  'atomic-sleep',
  'bintrees',
  'jose',
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
];

/** Where the lock file keeps what `name` is to a package at `from`: beside it, or further up. */
function placeOf(name: string, from: string): string | undefined {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/')))) {
    const place = base === '' ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    const found = locked.get(place);
    if (found !== undefined) return found.link === true ? found.resolved : place;
    if (base === '') return undefined;
  }
}

/** Everything that `npm install` of a package brings along by default, itself included, by place in the lock file. */
function installedWith(start: string): Map<string, Locked> {
  const found = new Map<string, Locked>();
  const visit = (place: string) => {
    const entry = locked.get(place);
    if (entry === undefined || found.has(place)) return;
    found.set(place, entry);
    const optionalPeers = Object.entries(entry.peerDependenciesMeta ?? {}).filter(([, { optional }]) => optional);
    const peers = Object.keys(entry.peerDependencies ?? {}).filter(
      (name) => !optionalPeers.some(([each]) => each === name),
    );
    const names = [
      ...Object.keys(entry.dependencies ?? {}),
      ...Object.keys(entry.optionalDependencies ?? {}),
      ...peers,
    ];
    for (const name of names) {
      const next = placeOf(name, place);
      expect(next, `${name} of ${place} is in the lock file`).toBeDefined();
      if (next !== undefined) visit(next);
    }
  };
  visit(start);
  return found;
}

describe('what an installation brings along', () => {
  it('[attack 67] no package of ours runs anything when it is installed', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish', 'preprepare', 'postprepare'];
    for (const file of [...manifests, 'package.json']) {
      const { scripts = {}, gypfile } = JSON.parse(textOf(file)) as {
        scripts?: Record<string, string>;
        gypfile?: boolean;
      };
      expect([file, Object.keys(scripts).filter((name) => hooks.includes(name)), gypfile]).toEqual([
        file,
        [],
        undefined,
      ]);
    }
    expect(filesUnder('packages', (name) => name === 'binding.gyp' || name.endsWith('.node'))).toEqual([]);
  });

  it.each(['server', 'spaces', 'auth', 'protocol'])(
    '[attack 67] packages/%s comes without native code, scripts or licences that bind',
    (name) => {
      const installed = installedWith(`packages/${name}`);
      expect(installed.size).toBeGreaterThan(0);
      for (const [place, { hasInstallScript, os, cpu, license, link }] of installed) {
        expect([place, hasInstallScript, os, cpu]).toEqual([place, undefined, undefined, undefined]);
        if (link !== true) expect([place, license, allowedLicenses.has(license ?? '')]).toEqual([place, license, true]);
        expect([
          place,
          filesOf(place).filter((file) => file.endsWith('.node') || file.endsWith('binding.gyp')),
        ]).toEqual([place, []]);
      }
    },
  );

  it('[attack 67] of all that is locked, for development too, nothing runs a script', () => {
    expect([...locked].filter(([, { hasInstallScript }]) => hasInstallScript).map(([place]) => place)).toEqual([]);
  });

  it('[OP43] the server brings few packages along, each known by name, and what runs in browsers none', () => {
    const outside = [...installedWith('packages/server').keys()].filter((place) => place.startsWith('node_modules/'));
    expect(outside.map((place) => place.slice('node_modules/'.length)).sort()).toEqual(knownDependencies);
    expect([...installedWith('packages/spaces').keys()]).toEqual(['packages/spaces']);
    expect([...installedWith('packages/auth').keys()]).toEqual(['packages/auth', 'packages/protocol']);
  });

  it('[attack 67] the lock file fits the manifests, and names no host', () => {
    for (const file of [...manifests, 'package.json', 'e2e/package.json']) {
      const manifest = JSON.parse(textOf(file)) as Locked;
      const entry = locked.get(file.slice(0, Math.max(0, file.length - '/package.json'.length)));
      expect([file, entry?.version]).toEqual([file, manifest.version]);
      for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const) {
        expect([file, kind, entry?.[kind]]).toEqual([file, kind, manifest[kind]]);
      }
    }
    expect(textOf('package-lock.json')).not.toMatch(/\.tgz/);
    const resolved = [...locked.values()].flatMap((entry) => entry.resolved ?? []);
    expect(resolved.filter((address) => address.includes(':'))).toEqual([]);
  });
});

function filesOf(place: string): string[] {
  return filesUnder(place, () => true);
}
