import { Capability, parseKey, verifyJwt } from '@parvis/auth';
import { describe, expect, it } from 'vitest';
import { TestTerminal } from '../../test/testTerminal.ts';
import { commands, run } from './run.ts';

const key = 'app.key:secret-of-more-than-sixteen-bytes';
const spacesOperations = ['history', 'presence', 'publish', 'subscribe'];

async function called(line: string, environment: Record<string, string> = {}) {
  const terminal = new TestTerminal(environment);
  const exitCode = await run(line === '' ? [] : line.split(' '), terminal);
  return { exitCode, output: terminal.output, errors: terminal.errors };
}

describe('parvis', () => {
  it('[OP25] without a command lists them and ends with 2, with --help it ends with 0', async () => {
    for (const [line, exitCode] of [
      ['', 2],
      ['--help', 0],
      ['-h', 0],
      ['help', 0],
      ['keys --help', 0],
    ] as const) {
      const { output, ...rest } = await called(line);
      expect(rest).toEqual({ exitCode, errors: '' });
      for (const { name, summary } of commands) expect(output).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
    }
  });

  it('[OP25] --version is that of the package', async () => {
    const { default: manifest } = await import('../../package.json');
    expect(await called('--version')).toEqual({ exitCode: 0, output: manifest.version, errors: '' });
  });

  it.each(commands)('[OP25] $name --help tells its flags and does nothing', async ({ name, flags, description }) => {
    const { exitCode, output, errors } = await called(`${name} --help`);
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: '' });
    expect(output).toContain(`Usage: parvis ${name} [flags]`);
    for (const text of [...flags.map((flag) => `--${flag.name}`), ...description]) expect(output).toContain(text);
  });

  it.each([
    ['strat', 'parvis: there is no command strat; did you mean start?'],
    ['keys', 'parvis: there is no command keys; did you mean'],
    ['keys list', 'parvis: there is no command keys list'],
    ['start --prot 1', 'parvis: there is no flag --prot; did you mean --port?'],
    ['dev --port many', 'parvis: parameter --port is not valid: it must be a whole number from 0 to 65535'],
    ['token', 'parvis: --client-id is needed'],
  ])('[OP25] %s ends with 2 and says why', async (line, message) => {
    const { exitCode, output, errors } = await called(line);
    expect({ exitCode, output }).toEqual({ exitCode: 2, output: '' });
    expect(errors).toContain(message);
    expect(errors).toMatch(/See parvis .*--help$/);
  });
});

describe('parvis keys create', () => {
  async function created(flags = '') {
    const { output } = await called(`keys create --json ${flags}`.trim());
    return JSON.parse(output);
  }

  it('[OP23] makes a new key that may publish, subscribe, be present and read history, and nothing else', async () => {
    const first = await created();
    expect(parseKey(first.key).secret.length).toBeGreaterThanOrEqual(43);
    expect(first.capability).toEqual({ '*': spacesOperations });
    expect((await created()).key).not.toBe(first.key);
  });

  it('[OP23] limits it to spaces, or to a capability, on request', async () => {
    const { capability } = await created('--space board --space wall');
    expect(capability).toEqual({ 'board::*': spacesOperations, 'wall::*': spacesOperations });
    expect(Capability.parse(capability).allows('presence', 'board::$space')).toBe(true);
    expect(Capability.parse(capability).allows('presence', 'other::$space')).toBe(false);
    expect((await created('--capability {"a":["publish"]}')).capability).toEqual({ a: ['publish'] });
    const both = await called('keys create --space a --capability {}');
    expect(both).toMatchObject({ exitCode: 2, errors: expect.stringContaining('either --space or --capability') });
  });

  it('[OP23] adds it to an app that there is', async () => {
    expect(parseKey((await created('--app shop')).key).appId).toBe('shop');
    expect((await called('keys create --app a.b')).exitCode).toBe(2);
  });

  it('[OP23] shows how to configure it, in a form that the server takes', async () => {
    const { output } = await called('keys create');
    const [, variable = ''] = /PARVIS_KEYS='(.*)'/.exec(output) ?? [];
    const [, file = ''] = /^ {2}(\{"keys".*\})$/m.exec(output) ?? [];
    expect(JSON.parse(file)).toEqual({ keys: JSON.parse(variable) });
    const token = await called('token --client-id ada', { PARVIS_KEYS: variable });
    expect(token).toMatchObject({ exitCode: 0, errors: '' });
  });
});

describe('parvis token', () => {
  it('[OP24] prints a JWT for the clientId, signed by the key, and nothing else', async () => {
    const { exitCode, output, errors } = await called('token --client-id ada --ttl 15m', { PARVIS_KEYS: key });
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: '' });
    const claims = await verifyJwt(output, key);
    expect(claims.clientId).toBe('ada');
    expect(claims.expiresAt - claims.issuedAt).toBe(900_000);
  });

  it('[OP24] narrows it to spaces', async () => {
    const { output } = await called('token --client-id ada --space board', { PARVIS_KEYS: key });
    expect((await verifyJwt(output, key)).capability?.text).toBe(
      Capability.parse({ 'board::*': spacesOperations }).text,
    );
  });

  it.each(['--ttl soon', '--ttl 25h', '--ttl 0'])('[OP24] %s is refused', async (flags) => {
    const { exitCode, output } = await called(`token --client-id ada ${flags}`, { PARVIS_KEYS: key });
    expect({ exitCode, output }).toEqual({ exitCode: 2, output: '' });
  });

  it('[OP14] warns of a key among the flags, unless it is one of development', async () => {
    expect((await called(`token --client-id ada --key ${key}`)).errors).toContain('list of processes');
    expect((await called('token --client-id ada --key dev.key:secret-of-development')).errors).toBe('');
  });

  it('[OP24] says what it lacks without a key', async () => {
    expect((await called('token --client-id ada')).errors).toContain('no key to sign with: set PARVIS_KEYS');
  });
});
