import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { parseKey } from '@parvis/auth';
import { describe, expect, it } from 'vitest';
import { TestTerminal } from '../../test/testTerminal.ts';
import { run } from './run.ts';

const key = 'app.key:secret-of-more-than-sixteen-bytes';
const quiet = ['--port', '0', '--log-level', 'silent'];

/** Runs a command that serves until the test is done with it. */
async function serving(
  words: string[],
  environment: Record<string, string>,
  test: (terminal: TestTerminal) => unknown,
) {
  const terminal = new TestTerminal(environment);
  const ended = run(words, terminal);
  await Promise.race([terminal.serving(), ended]);
  try {
    await test(terminal);
  } finally {
    terminal.signal('SIGTERM');
  }
  expect(await ended).toBe(0);
  return terminal;
}

async function refused(words: string[], environment: Record<string, string> = {}) {
  const terminal = new TestTerminal(environment);
  expect(await run(words, terminal)).toBe(2);
  expect(terminal.output).toBe('');
  return terminal.errors;
}

describe('parvis dev', () => {
  it('[OP21] makes a key for each start and says in one line of JSON where clients connect', async () => {
    const keys = new Set<string>();
    for (let start = 0; start < 2; start++) {
      await serving(['dev', '--port', '0', '--json'], {}, async ({ output }) => {
        const said = JSON.parse(output);
        expect(said).toMatchObject({ endpoint: '127.0.0.1', tls: false, sandbox: false });
        expect(said.url).toBe(`http://127.0.0.1:${said.port}`);
        const time = await fetch(`${said.url}/time`);
        expect(time.status).toBe(200);
        keys.add(said.key);
      });
    }
    expect([...keys].map((each) => parseKey(each).appId)).toEqual(['dev', 'dev']);
  });

  it('[OP21] says the same with the same port and key, down to a snippet that can be pasted', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const outputs: string[] = [];
    for (let start = 0; start < 2; start++) {
      await serving(['dev', '--port', String(port), '--key', key], {}, ({ output }) => outputs.push(output));
    }
    expect(outputs[0]).toBe(outputs[1]);
    expect(outputs[0]).toContain(`http://127.0.0.1:${port}`);
    expect(outputs[0]).toContain(
      `key: '${key}', clientId: 'me',\n    endpoint: '127.0.0.1', port: ${port}, tls: false,`,
    );
  });

  it.each(['0.0.0.0', '::', '192.168.1.1', '127.0.0.1.example.com', ''])(
    '[OP20] does not listen on %j',
    async (host) => {
      expect(await refused(['dev', ...quiet, '--host', host])).toMatch(/loopback only|it must be text/);
      if (host !== '') expect(await refused(['dev', ...quiet], { PARVIS_HOST: host })).toContain('loopback only');
    },
  );

  it.each(['localhost', '127.0.0.2'])('[OP20] listens on %s', async (host) => {
    await serving(['dev', ...quiet, '--host', host, '--json'], {}, async ({ output }) => {
      expect((await fetch(`${JSON.parse(output).url}/healthz`)).status).toBe(200);
    });
  });

  it('[OP21] serves a sandbox only when asked to', async () => {
    const headers = { 'content-type': 'application/json' };
    const create = async (url: string) =>
      (await fetch(`${url}/apps`, { method: 'POST', headers, body: '{"keys":[{}]}' })).status;
    await serving(['dev', ...quiet, '--json'], {}, async ({ output }) => {
      expect(await create(JSON.parse(output).url)).toBe(404);
    });
    await serving(['dev', ...quiet, '--json', '--sandbox'], {}, async ({ output }) => {
      expect(JSON.parse(output).sandbox).toBe(true);
      expect(await create(JSON.parse(output).url)).toBe(201);
    });
  });

  it('[OP26] a port that is in use ends it with 1, and a hint', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as AddressInfo;
    const terminal = new TestTerminal();
    expect(await run(['dev', '--log-level', 'silent', '--port', String(port)], terminal)).toBe(1);
    expect(terminal.errors).toBe(`parvis: port ${port} is in use; choose another with --port, or 0 for any`);
    busy.close();
  });
});

describe('parvis start', () => {
  it('[OP22] refuses to start without keys, and says how to make one', async () => {
    expect(await refused(['start', ...quiet])).toContain('no keys are configured: make one with `parvis keys create`');
  });

  it('[OP22] refuses a key that `parvis dev` made, wherever it stands', async () => {
    const devKey = 'dev.x1:secret-of-more-than-sixteen-bytes';
    expect(await refused(['start', ...quiet, '--key', key, '--key', devKey])).toContain('one of `parvis dev`');
    const apps = JSON.stringify([{ id: 'dev', keys: [devKey] }]);
    expect(await refused(['start', ...quiet], { PARVIS_APPS: apps })).toContain('one of `parvis dev`');
  });

  it.each(['--demo', '--sandbox', '--test-hooks', '--insecure-jwks'])(
    '[OP22] refuses %s, which is for development',
    async (flag) => {
      expect(await refused(['start', ...quiet, flag], { PARVIS_KEYS: key })).toContain('it is for development');
    },
  );

  it.each([
    ['app.key:', 'not of the form'],
    ['app.key:a', 'is shorter than 16 bytes'],
    ['app.key:fifteen-bytes-x', 'is shorter than 16 bytes'],
    [`${key},${key}`, 'is configured twice'],
  ])('[OP15] refuses the key %s', async (keys, message) => {
    const errors = await refused(['start', ...quiet], { PARVIS_KEYS: keys });
    expect(errors).toContain(message);
    expect(errors).not.toContain('secret-of');
  });

  it('[OP14] warns of a secret among the flags and of traffic in the clear, not of what is in order', async () => {
    const exposed = await serving(['start', ...quiet, '--key', key], {}, () => {});
    expect(exposed.complaints).toEqual([
      'parvis: warning: --key shows a secret in the list of processes: use PARVIS_KEYS or a config file',
      'parvis: warning: keys and tokens travel in the clear: set --tls-cert, or --trust-proxy behind TLS',
    ]);
    const good = await serving(['start', ...quiet, '--trust-proxy'], { PARVIS_KEYS: key }, () => {});
    expect(good.complaints).toEqual([]);
    const local = await serving(['start', ...quiet, '--host', '127.0.0.1'], { PARVIS_KEYS: key }, () => {});
    expect(local.complaints).toEqual([]);
  });

  it('[OP26] the first signal drains it, a second one ends the process at once', async () => {
    const terminal = await serving(['start', ...quiet, '--host', '127.0.0.1'], { PARVIS_KEYS: key }, (started) => {
      started.signal('SIGINT');
      expect(started.aborts).toEqual([]);
      started.signal('SIGINT');
      expect(started.aborts).toEqual([130]);
    });
    expect(terminal.aborts).toEqual([130, 143]);
  });
});
