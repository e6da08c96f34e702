import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as Ably from 'ably';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BuiltCli } from './builtCli.ts';

/** A client of the official SDK, and what becomes of its connection. */
function clientOf(options: Ably.ClientOptions): Ably.Realtime {
  const client = new Ably.Realtime({ endpoint: '127.0.0.1', tls: false, logLevel: 0, ...options });
  onTestFinished(() => client.close());
  return client;
}

async function started(words: string[], environment: Record<string, string> = {}) {
  const cli = new BuiltCli(['start', '--port', '0', '--host', '127.0.0.1', ...words], environment);
  const line = (await cli.said(/"listening"}\n/)).split('\n')[0] ?? '';
  return { cli, port: Number(new URL(JSON.parse(line).url).port) };
}

describe('parvis as it is built', () => {
  it('[OP21] dev says in one line where to connect, serves the demo, and ends at SIGINT with 0', async () => {
    const cli = new BuiltCli(['dev', '--port', '0', '--json']);
    const said = JSON.parse(await cli.said(/\n/));
    const client = clientOf({ key: said.key, port: said.port, clientId: 'ada' });
    await client.connection.whenState('connected');
    for (const path of ['/', '/cdn/ably.min.js', '/cdn/spaces.js', '/api/token']) {
      expect((await fetch(`${said.url}${path}`)).status).toBe(200);
    }
    expect(said.demo).toBe(`${said.url}/`);
    cli.signal('SIGINT');
    expect(await cli.ended()).toBe(0);
    expect(cli.stderr).toBe('');
    expect(cli.stdout.split('\n')).toHaveLength(2);
  });

  it('[OP21] dev shows a person the address, the key and a snippet, without colours in a pipe', async () => {
    const cli = new BuiltCli(['dev', '--port', '0', '--key', 'dev.key:secret-of-development-only']);
    const text = await cli.said(/Ctrl\+C/);
    expect(text).toMatch(/demo +http:\/\/127\.0\.0\.1:\d+\/\n/);
    expect(text).toContain("key: 'dev.key:secret-of-development-only', clientId: 'me'");
    expect(text).not.toContain('\u001b');
  });

  it('[OP23] a key of `keys create` is enough for `start`, and `token` signs with it', async () => {
    const create = new BuiltCli(['keys', 'create', '--json']);
    expect(await create.ended()).toBe(0);
    const environment = { PARVIS_KEYS: `[${create.stdout.trim()}]` };
    const { port } = await started([], environment);
    const token = new BuiltCli(['token', '--client-id', 'ada'], environment);
    expect(await token.ended()).toBe(0);
    const client = clientOf({ token: token.stdout.trim(), port });
    await client.connection.whenState('connected');
    expect(client.auth.clientId).toBe('ada');
  });

  it('[OP41] SIGTERM sends clients elsewhere, and the process ends with 0', async () => {
    const { cli, port } = await started(['--drain-ms', '200'], {
      PARVIS_KEYS: 'app.key:secret-of-more-than-sixteen-bytes',
    });
    const clients = [0, 1].map(() => clientOf({ key: 'app.key:secret-of-more-than-sixteen-bytes', port }));
    await Promise.all(clients.map(({ connection }) => connection.whenState('connected')));
    const told = clients.map(({ connection }) => connection.whenState('disconnected'));
    cli.signal('SIGTERM');
    for (const change of await Promise.all(told)) expect(change?.reason?.code).toBe(80003);
    expect(await cli.ended()).toBe(0);
    expect(cli.stdout).toMatch(/"msg":"draining"}\n(.*\n)*.*"msg":"stopped"}\n$/);
  });

  it('[OP26] a second signal ends the process at once', async () => {
    const { cli, port } = await started(['--drain-ms', '60000'], {
      PARVIS_KEYS: 'app.key:secret-of-more-than-sixteen-bytes',
    });
    const clients = [0, 1].map(() => clientOf({ key: 'app.key:secret-of-more-than-sixteen-bytes', port }));
    await Promise.all(clients.map(({ connection }) => connection.whenState('connected')));
    cli.signal('SIGTERM');
    await cli.said(/"draining"/);
    cli.signal('SIGTERM');
    expect(await cli.ended()).toBe(143);
  });

  it('[OP22] start refuses the key of a dev server, and no key at all, with 2', async () => {
    const dev = new BuiltCli(['dev', '--port', '0', '--json']);
    const { key } = JSON.parse(await dev.said(/\n/));
    for (const environment of [{ PARVIS_KEYS: key }, {}]) {
      const cli = new BuiltCli(['start', '--port', '0'], environment);
      expect(await cli.ended()).toBe(2);
      expect(cli.stdout).toBe('');
      expect(cli.stderr).toMatch(/make one with `parvis keys create`/);
    }
  });

  it('[OP37] nothing it prints in a whole run holds a secret of its config (attack 51)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parvis-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const config = join(folder, 'parvis.json');
    const key = 'app.key:the-secret-of-this-key-is-not-shown';
    writeFileSync(
      config,
      JSON.stringify({ keys: [key], secret: 'shared-secret-of-all-nodes-is-not-shown', logLevel: 'debug' }),
    );
    const { cli, port } = await started(['--config', config]);
    const client = clientOf({ key, port, clientId: 'ada' });
    await client.connection.whenState('connected');
    await client.channels.get('a').publish('name', 'data');
    const wrong = clientOf({ key: 'app.key:the-secret-of-this-key-is-wrong', port });
    await wrong.connection.whenState('failed');
    const rest = new Ably.Rest({
      key: 'app.key:the-secret-of-this-key-is-wrong',
      port,
      endpoint: '127.0.0.1',
      tls: false,
    });
    await expect(rest.channels.get('a').history()).rejects.toMatchObject({ code: 40101 });
    cli.signal('SIGTERM');
    await cli.ended();
    expect(cli.stdout).toContain('a client was refused');
    expect(cli.stderr).toContain('every user of this machine can read it');
    const encoded = Buffer.from('app.key:the-secret-of-this-key').toString('base64').slice(0, -4);
    for (const secret of ['the-secret-of', 'shared-secret', encoded])
      expect(cli.stdout + cli.stderr).not.toContain(secret);
  });
});
