import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A folder that holds the official suite, ready to run; docs/conformance.md says how to lay one out. */
export class Suite {
  readonly folder: string;

  /** Throws an Error that names what is missing. */
  constructor(folder: string) {
    this.folder = resolve(folder);
    const missing = parts.filter((part) => !existsSync(join(this.folder, part)));
    if (missing.length > 0) throw new Error(`${folder} does not hold the suite: no ${missing.join(', no ')}`);
  }

  /** Files by their path below `test`, without `.test.js`; those of LiveObjects, which Parvis does not have, are left out. */
  files(): readonly string[] {
    return ['realtime', 'rest'].flatMap((part) =>
      readdirSync(join(this.folder, 'test', part))
        .filter((name) => name.endsWith('.test.js') && name !== 'liveobjects.test.js')
        .map((name) => `${part}/${name.slice(0, -'.test.js'.length)}`)
        .sort(),
    );
  }

  /** The commit it was taken from: of a clone, or as a file COMMIT says. */
  commit(): string {
    const note = join(this.folder, 'COMMIT');
    if (existsSync(note)) return readFileSync(note, 'utf8').trim();
    if (!existsSync(join(this.folder, '.git'))) return 'unknown';
    return execFileSync('git', ['-C', this.folder, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  }

  /** Of the npm package that its build is taken from. */
  clientVersion(): string {
    return String(this.#packageOf('ably').version);
  }

  /** The script that runs mocha. */
  mocha(): string {
    const bin = this.#packageOf('mocha').bin as Record<string, string>;
    return join(this.folder, 'node_modules/mocha', bin.mocha ?? 'bin/mocha');
  }

  #packageOf(name: string): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.folder, 'node_modules', name, 'package.json'), 'utf8'));
  }
}

const parts = [
  'build/ably-node.js',
  'node_modules/ably/package.json',
  'node_modules/mocha/package.json',
  'test/common/ably-common/test-resources/test-app-setup.json',
  'test/realtime',
  'test/rest',
  'test/support/root_hooks.js',
];
