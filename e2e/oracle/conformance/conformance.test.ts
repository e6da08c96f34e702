import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startOracle } from '../harness.ts';
import { conformance } from './conformance.ts';
import { runFile } from './runFile.ts';
import { StandInNet } from './standInNet.ts';
import { Suite } from './suite.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A folder laid out as docs/conformance.md says, with what is ours in the place of mocha and of the tests. */
async function layOut(mocha: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'suite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const resources = 'test/common/ably-common/test-resources';
  for (const part of ['node_modules/mocha/bin', 'test/realtime', 'test/rest', 'test/support', resources]) {
    await mkdir(join(folder, part), { recursive: true });
  }
  await symlink(join(root, 'node_modules/ably'), join(folder, 'node_modules/ably'));
  await symlink('node_modules/ably/build', join(folder, 'build'));
  for (const [path, text] of [
    ['COMMIT', 'abc\n'],
    ['node_modules/mocha/package.json', '{"bin":{"mocha":"./bin/mocha"}}'],
    ['node_modules/mocha/bin/mocha', mocha],
    [`${resources}/test-app-setup.json`, '{}'],
    ['test/support/root_hooks.js', ''],
    ['test/rest/time.test.js', ''],
    ['test/rest/liveobjects.test.js', ''],
    ['test/realtime/init.test.js', ''],
  ]) {
    await writeFile(join(folder, path ?? ''), text ?? '');
  }
  return folder;
}

/** A server as the runner starts one; it only says where it would be. */
async function quietBin(folder: string, port = 1): Promise<string> {
  const bin = join(folder, 'bin.mjs');
  await writeFile(bin, `console.log(JSON.stringify({ port: ${port} })); setInterval(() => {}, 1e6);`);
  return bin;
}

async function openNet(): Promise<StandInNet> {
  const net = await new StandInNet().listen();
  onTestFinished(() => net.close());
  return net;
}

/** What a run says and ends with, in this process. */
async function ran(...words: string[]): Promise<{ code: number; said: string }> {
  const lines: string[] = [];
  const code = await conformance(words, (line) => lines.push(line));
  return { code, said: lines.join('\n') };
}

const report = (line: string) => `require('node:fs').appendFileSync(process.env.PARVIS_REPORT, ${line} + '\\n');`;

describe('npm run conformance', () => {
  it('[CF7] without a folder it says that it skips, and does not fail', async () => {
    const words = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
      .scripts.conformance.split(' ')
      .slice(1);
    const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    const said = once(child.stdout, 'data');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(String(await said)).toMatch(/^skipped: no folder/);
  });

  it('[CF7] a folder without the suite is refused, with what is missing', async () => {
    const folder = await layOut('');
    await rm(join(folder, 'build'));
    const { code, said } = await ran(folder);
    expect([code, said]).toEqual([1, expect.stringContaining('no build/ably-node.js')]);
  });

  it('[CF7] files of LiveObjects are left out, and the commit is the one that stands in the folder', async () => {
    const suite = new Suite(await layOut(''));
    expect(suite.files()).toEqual(['realtime/init', 'rest/time']);
    expect([suite.commit(), suite.clientVersion()]).toEqual(['abc', '2.28.0']);
  });

  it('[CF1] it ends with a failure when a test fails that is not known, and shows the table', async () => {
    const lines = [`'{"title":"t","state":"failed","message":"m"}'`, `'{"end":true}'`].map(report);
    const folder = await layOut(lines.join('\n'));
    const asked = ['--server', await quietBin(folder), '--file', 'rest/time', '--transport', 'both'];
    const { code, said } = await ran(folder, ...asked);
    expect(said).toContain('| rest/time | 0 / 1 / 0 |');
    expect(said).toContain('rest/time (both msgpack): t\n    m');
    expect(code).toBe(1);
  });

  it('[CF5] a file that goes on for too long is ended, and what it did is kept', async () => {
    const folder = await layOut(`${report(`'{"title":"t","state":"passed"}'`)}\nsetInterval(() => {}, 1e6);`);
    const parts = { suite: new Suite(folder), net: await openNet(), bin: await quietBin(folder), timeoutMs: 1_500 };
    const run = await runFile(parts, 'rest/time', { transport: 'comet', format: 'json' });
    expect(run).toMatchObject({ ended: false, tests: [{ title: 't', state: 'passed' }] });
  });
});

/** Runs a script as the suite is run; `tell` in it gives a value back. */
async function inSuite(script: string, run: { transport: string; format: string }, port: number): Promise<unknown> {
  const told = `const tell = (value) => { ${report('JSON.stringify({ title: JSON.stringify(value) })')} process.exit(); };`;
  const folder = await layOut(`${told}\n${script}`);
  const parts = {
    suite: new Suite(folder),
    net: await openNet(),
    bin: await quietBin(folder, port),
    timeoutMs: 15_000,
  };
  const { tests, log } = await runFile(parts, 'rest/time', run as { transport: 'both'; format: 'json' });
  return tests[0] === undefined ? log : JSON.parse(tests[0].title);
}

describe('the internet of a run', async () => {
  const oracle = await startOracle();
  const ably = `const Ably = require(process.cwd() + '/build/ably-node.js');`;

  it.each([
    ['web_socket', 'json'],
    ['both', 'msgpack'],
  ])('[CF9] a client with the options of the cloud meets the server under test (%s, %s)', async (transport, format) => {
    const script = `${ably}
      const client = new Ably.Realtime({ endpoint: 'nonprod:sandbox', key: '${oracle.key}' });
      client.connection.once((change) => change.current === 'connecting' && client.connection.once(({ current, reason }) =>
        tell([current, reason?.message ?? '', client.connection.connectionManager.activeProtocol?.transport.shortName, client.options.useBinaryProtocol])));`;
    const told = await inSuite(script, { transport, format }, oracle.server.port);
    expect(told).toEqual(['connected', '', 'web_socket', format === 'msgpack']);
  });

  it('[CF9] clients of a comet run take comet unless a test says otherwise', async () => {
    const script = `${ably}
      const client = new Ably.Realtime({ endpoint: 'nonprod:sandbox', key: 'a.b:c', autoConnect: false });
      tell([client.connection.connectionManager.transports, process.env.ABLY_TEST_TRANSPORTS]);`;
    expect(await inSuite(script, { transport: 'comet', format: 'json' }, 1)).toEqual([['comet'], 'comet']);
  });

  it('[CF9] other hosts are stand-ins, one address is silent, and no other name leads anywhere', async () => {
    const script = `
      const https = require('node:https'), http = require('node:http'), net = require('node:net');
      const get = (from, url) => new Promise((done) => from.get(url, async (answer) => {
        let text = ''; for await (const bytes of answer) text += bytes; done([answer.statusCode, text]);
      }).on('error', (failure) => done(failure.code)));
      (async () => {
        const silent = net.connect(80, '10.255.255.1').on('error', tell).on('connect', () => tell('answered'));
        tell([
          await get(https, 'https://echo.ably.io/respondwith?status=503'),
          await get(https, 'https://echo.ably.io/?type=json&body=%7B%7D'),
          await get(https, 'https://echo.ably.io/qs_to_body?a=b'),
          await get(https, 'https://internet-up.ably-realtime.com/is-the-internet-up.txt'),
          (await get(http, 'http://example.com/404'))[0],
          await get(https, 'https://example.org/'),
          silent.connecting,
        ]);
      })();`;
    const told = await inSuite(script, { transport: 'both', format: 'json' }, 1);
    expect(told).toEqual([[503, ''], [200, '{}'], [200, '{"a":"b"}'], [200, 'yes\n'], 404, 'ENOTFOUND', true]);
  });
});
