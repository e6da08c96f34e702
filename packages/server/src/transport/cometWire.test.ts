import { Action, codecs } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { cometWire, oneArrayOf } from './cometWire.ts';

const texts = ['plain', 'line\nbreak', 'ünïcödé ☃ 😀 \u0000\u2028', '][ , "\\', ''];
const messages = texts.map((data, msgSerial) => ({
  action: Action.MESSAGE,
  channel: 'a',
  msgSerial,
  messages: [{ data }],
}));
const lines = messages.map((message) => cometWire.wrap(codecs.json.encode(message)));

describe('frames of comet', () => {
  it('[CM1] a frame is a line of ASCII that holds an array of one message', () => {
    for (const [at, line] of lines.entries()) {
      expect([...line].every((byte) => byte < 0x80)).toBe(true);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(JSON.parse(line.toString())).toEqual([messages[at]]);
    }
  });

  it('[CM1] lines back to back become one array, and stay as they are', () => {
    for (let count = 1; count <= lines.length; count++) {
      const together = Buffer.concat(lines.slice(0, count));
      const before = together.toString();
      expect(JSON.parse(Buffer.from(oneArrayOf(together)).toString())).toEqual(messages.slice(0, count));
      expect(together.toString()).toBe(before);
    }
  });
});
