/**
 * Place of an entry in the log of its channel. `ms` is engine time in ms since the epoch (up to 14 digits), `seq` counts
 * within one ms (up to 6 digits), `epoch` names the incarnation of the log and is made of `A-Z a-z 0-9 _ -`.
 */
export interface Position {
  ms: number;
  seq: number;
  epoch: string;
}

const maxSeq = 999_999;
const positionPattern = /^(\d{14})-(\d{6})@([\w-]{1,64})$/;
const serialPattern = /^\d{14}-\d{6}@([\w-]{1,64})(?::[a-z]?\d{3,})?$/;

/** A position as its channelSerial: `<ms, 14 digits>-<seq, 6 digits>@<epoch>`. Sorts as text in the order of minting. */
export function formatSerial(position: Position): string {
  const { ms, seq, epoch } = position;
  if (ms !== lastMs) {
    lastMs = ms;
    lastMsText = pad(ms, 14);
  }
  return `${lastMsText}-${pad(seq, 6)}@${epoch}`;
}

/** Many positions share their ms: the text of the last is remembered. */
let lastMs = -1;
let lastMsText = '';

/** The position a channelSerial stands for; undefined for any text that `formatSerial` does not make. */
export function parseSerial(text: string): Position | undefined {
  const match = positionPattern.exec(text);
  if (match === null) return undefined;
  const [, ms, seq, epoch = ''] = match;
  return { ms: Number(ms), seq: Number(seq), epoch };
}

/**
 * The position after `last`, for an entry accepted at `nowMs` by the log called `epoch`. Time never goes back, whatever
 * the clock does and whichever epoch `last` is of: within one ms `seq` grows, and past its last value the ms does.
 */
export function nextPosition(last: Position | undefined, nowMs: number, epoch: string): Position {
  const ms = Math.trunc(nowMs);
  if (last === undefined || ms > last.ms) return { ms, seq: 0, epoch };
  if (last.seq < maxSeq) return { ms: last.ms, seq: last.seq + 1, epoch };
  return { ms: last.ms + 1, seq: 0, epoch };
}

/** Order of two serials as text, -1, 0 or 1; within one epoch the order of minting. */
export function compareSerials(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * Serial of the message at `index` (from 0) of the entry at `serial`: `<serial>:<index, at least 3 digits>`. From 1000 on
 * a letter that says how many digits follow goes first (`a1000`, `b10000`), so that text order stays index order.
 */
export function messageSerial(serial: string, index: number): string {
  // Nearly all publishes are of one message.
  if (index === 0) return `${serial}:000`;
  const digits = pad(index, 3);
  const widthLetter = 'abcdefgh'.charAt(digits.length - 4);
  return `${serial}:${widthLetter}${digits}`;
}

/** The entry and the index within it that a message's serial stands for; undefined for any text `messageSerial` does not make. */
export function parseMessageSerial(text: string): { serial: string; index: number } | undefined {
  const mark = text.lastIndexOf(':');
  const serial = text.slice(0, Math.max(mark, 0));
  const index = Number(text.slice(mark + 1).replace(/^[a-z]/, ''));
  if (!Number.isSafeInteger(index) || parseSerial(serial) === undefined) return undefined;
  return messageSerial(serial, index) === text ? { serial, index } : undefined;
}

/** Epoch of a channelSerial or of a message's serial; undefined for any other text. */
export function epochOf(serial: string): string | undefined {
  return serialPattern.exec(serial)?.[1];
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
