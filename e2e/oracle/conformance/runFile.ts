import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from './childProcess.ts';
import { type FileRun, parseReport } from './fileRun.ts';
import { SandboxServer } from './sandboxServer.ts';
import type { StandInNet } from './standInNet.ts';
import type { Suite } from './suite.ts';
import type { Variant } from './variant.ts';

/** What a run of one file takes. */
export interface RunParts {
  readonly suite: Suite;
  readonly net: StandInNet;
  /** The file that runs the server. */
  readonly bin: string;
  /** ms that mocha has for one file. */
  readonly timeoutMs: number;
}

/** A run, and all that mocha and the server said meanwhile. */
export interface LoggedRun extends FileRun {
  readonly log: string;
}

/** Runs one file of the suite once, against a server of its own. */
export async function runFile(parts: RunParts, file: string, variant: Variant): Promise<LoggedRun> {
  const work = await mkdtemp(join(tmpdir(), 'conformance-'));
  const server = new SandboxServer(parts.bin);
  try {
    const { port } = await server.ready();
    const cloud = await parts.net.cloudOf(port);
    const report = join(work, 'report');
    const trusted = join(work, 'certificates.pem');
    await writeFile(trusted, parts.net.certificates);
    const environment = {
      NODE_EXTRA_CA_CERTS: trusted,
      PARVIS_REPORT: report,
      PARVIS_RUN: JSON.stringify({ ...variant, ports: cloud.ports }),
      ...(variant.transport === 'both' ? {} : { ABLY_TEST_TRANSPORTS: variant.transport }),
    };
    const said = await mocha(parts, file, environment).finally(() => cloud.close());
    const result = parseReport(existsSync(report) ? readFileSync(report, 'utf8') : '');
    return { file, variant, ...result, log: `${said}\n--- server\n${server.log}` };
  } finally {
    await server.stop();
    await rm(work, { recursive: true, force: true });
  }
}

/** Resolves with what mocha said, its last part, when it has ended or its time is over. */
async function mocha({ suite, timeoutMs }: RunParts, file: string, environment: Record<string, string>) {
  const asked = ['--require', beside('preload.cjs'), suite.mocha(), ...words, `test/${file}.test.js`];
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...environment };
  const child = startNode(asked, { cwd: suite.folder, env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes) => {
      said = `${said}${bytes}`.slice(-200_000);
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  await once(child, 'close');
  clearTimeout(timer);
  return said;
}

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const words = [
  ...['--no-config', '--exit', '--reporter', beside('reporter.cjs')],
  ...['--require', 'test/support/modules_helper.js', '--require', 'test/support/test_helper.js'],
  ...['--file', 'test/support/root_hooks.js'],
];
