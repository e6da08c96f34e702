import { describe, expect, it } from 'vitest';
import { parseFlags } from './flags.ts';

const flags = [
  { name: 'port', help: '', placeholder: 'N' },
  { name: 'json', help: '', placeholder: '' },
];
const parse = (line: string) => Object.fromEntries(parseFlags(line === '' ? [] : line.split(' '), flags));

describe('flags', () => {
  it.each([
    ['', {}],
    ['--port 1', { port: ['1'] }],
    ['--port=1', { port: ['1'] }],
    ['--port -1', { port: ['-1'] }],
    ['--port= --port 2', { port: ['', '2'] }],
    ['--json --port 1', { json: ['true'], port: ['1'] }],
    ['--json=false', { json: ['false'] }],
    ['--no-json', { json: ['false'] }],
  ])('[OP11] %s is understood', (line, given) => {
    expect(parse(line)).toEqual(given);
  });

  it.each([
    ['--prt 1', 'there is no flag --prt; did you mean --port?'],
    ['--no-port', 'there is no flag --no-port; did you mean --port?'],
    ['--__proto__', 'there is no flag --__proto__'],
    ['--port', '--port needs a value: N'],
    ['8080', '8080 is not expected here: flags begin with --'],
    ['-p', '-p is not expected here: flags begin with --'],
  ])('[OP12] %s is refused', (line, message) => {
    expect(() => parse(line)).toThrow(expect.objectContaining({ code: 40000, message }));
  });
});
