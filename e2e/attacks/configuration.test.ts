import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'parvis';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/server/src/cli/run.ts';
import { TestTerminal } from '../../packages/server/test/testTerminal.ts';

const key = 'app.key1:a-secret-of-thirty-two-characters';
const directory = mkdtempSync(join(tmpdir(), 'parvis-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function configFile(name: string, config: unknown, mode: number): string {
  const path = join(directory, name);
  writeFileSync(path, JSON.stringify(config));
  chmodSync(path, mode);
  return path;
}

/** Runs a command; one that serves is ended as soon as it does. */
async function outcomeOf(words: string[], environment: Record<string, string> = {}) {
  const terminal = new TestTerminal(environment);
  const ended = run([...words, '--log-level', 'silent'], terminal);
  await Promise.race([terminal.serving(), ended]);
  terminal.signal('SIGTERM');
  return { exitCode: await ended, errors: terminal.errors, all: `${terminal.output}\n${terminal.errors}` };
}

const start = ['start', '--port', '0'];

describe('configuration that would do harm', () => {
  it('[attack 66] an unknown option is refused in code, file, flag and environment, and none shows a secret', async () => {
    expect(() => createServer({ keys: [key], alowedOrigins: [] } as object)).toThrow(/alowedOrigins/);
    expect(() => createServer({ keys: [key], limits: { maxFrameSiz: 1 } } as object)).toThrow(/maxFrameSiz/);
    const file = configFile('unknown.json', { keys: [key], requireTLS: true }, 0o600);
    for (const words of [
      [...start, '--config', file],
      [...start, '--requiretls'],
    ]) {
      const { exitCode, errors, all } = await outcomeOf(words, { PARVIS_KEYS: key });
      expect([exitCode, errors]).toEqual([2, expect.stringMatching(/require.?tls/i)]);
      expect(all).not.toContain('a-secret-of');
    }
    const { errors } = await outcomeOf(start, { PARVIS_KEYS: key, PARVIS_REQUIRE_TSL: 'true' });
    expect(errors).toContain('PARVIS_REQUIRE_TSL');
  });

  it('[attack 66] a secret among the arguments and a config file that all can read are warned of', async () => {
    const flag = await outcomeOf([...start, '--key', key]);
    expect([flag.exitCode, flag.errors]).toEqual([0, expect.stringContaining('--key shows a secret')]);
    const open = await outcomeOf([...start, '--config', configFile('open.json', { keys: [key] }, 0o644)]);
    expect([open.exitCode, open.errors]).toEqual([0, expect.stringMatching(/open\.json.*read/)]);
    const closed = await outcomeOf([...start, '--config', configFile('closed.json', { keys: [key] }, 0o600)]);
    expect(closed.errors).not.toContain('closed.json');
    for (const { all } of [flag, open, closed]) expect(all).not.toContain('a-secret-of');
  });

  it('[attack 66] production starts with keys of its own only, and development on this machine only', async () => {
    for (const environment of [{}, { PARVIS_KEYS: 'dev.key1:a-secret-of-thirty-two-characters' }]) {
      expect((await outcomeOf(start, environment)).exitCode).toBe(2);
    }
    for (const flag of ['--demo', '--sandbox', '--test-hooks']) {
      expect((await outcomeOf([...start, flag], { PARVIS_KEYS: key })).exitCode).toBe(2);
    }
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com']) {
      const { exitCode, errors } = await outcomeOf(['dev', '--port', '0', '--host', host]);
      expect([exitCode, errors]).toEqual([2, expect.stringMatching(/loopback|this machine/)]);
    }
  });

  it('[attack 22] a secret that is empty or short does not start a server from any source', async () => {
    for (const bad of ['app.key1:', 'app.key1:x', 'app.key1']) {
      expect((await outcomeOf(start, { PARVIS_KEYS: bad })).exitCode).toBe(2);
      expect((await outcomeOf([...start, '--key', bad])).exitCode).toBe(2);
      const file = configFile('short.json', { keys: [bad] }, 0o600);
      expect((await outcomeOf([...start, '--config', file])).exitCode).toBe(2);
    }
  });
});
