import { formatSerial } from '@parvis/protocol';
import type { Range } from './engine.ts';
import type { StoreRange } from './store.ts';

/** Serials hold 14 digits of ms; times outside are taken as the nearest inside. */
const lastMs = 99_999_999_999_999;

/** Sorts before every serial of this ms and after every serial of the ms before; '' for the beginning of time. */
export function startOf(ms: number): string {
  if (ms <= 0) return '';
  const serial = formatSerial({ ms: Math.ceil(Math.min(ms, lastMs)), seq: 0, epoch: '' });
  return serial.slice(0, serial.indexOf('-'));
}

/** A range as a store takes it: bounds of serial and time in one, and nothing from before `keptFrom`. */
export function storeRange(range: Range, keptFrom: string): StoreRange {
  const from = range.from === undefined ? '' : startOf(range.from);
  const { direction, limit, kind } = range;
  const bounds = { after: latest([range.after ?? '', from, keptFrom]), keptFrom, direction, limit };
  const before = earliest(upperBounds(range));
  return { ...bounds, ...(before === undefined ? {} : { before }), ...(kind === undefined ? {} : { kind }) };
}

function upperBounds(range: Range): string[] {
  const bounds: string[] = [];
  if (range.before !== undefined) bounds.push(range.before);
  // No serial lies between one and the same with a letter behind it.
  if (range.upTo !== undefined) bounds.push(`${range.upTo}~`);
  if (range.to !== undefined && range.to < lastMs) bounds.push(startOf(Math.floor(range.to) + 1));
  return bounds;
}

/** The bound that sorts last; '' if there is none. */
export function latest(bounds: readonly string[]): string {
  let last = '';
  for (const bound of bounds) if (bound > last) last = bound;
  return last;
}

function earliest(bounds: readonly string[]): string | undefined {
  let first = bounds[0];
  for (const bound of bounds) if (first !== undefined && bound < first) first = bound;
  return first;
}
