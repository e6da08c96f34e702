import type { Steps } from './steps.ts';

/**
 * Whether a text holds another, looking at each character of both twice at most, whatever they are (Knuth, Morris, Pratt):
 * where both come from clients, a search that begins anew at each place could take their product.
 */
export function containsText(text: string, part: string, steps: Steps): boolean {
  if (part.length > text.length) return false;
  steps.take(2 * (text.length + part.length));
  const borders = bordersOf(part);
  let matched = 0;
  for (let at = 0; at < text.length && matched < part.length; at++) {
    matched = extend(part, borders, matched, text.charCodeAt(at));
  }
  return matched === part.length;
}

/** For each length of a beginning of the text: the longest shorter beginning that it also ends with. */
function bordersOf(text: string): Int32Array {
  const borders = new Int32Array(text.length + 1);
  let matched = 0;
  for (let at = 1; at < text.length; at++) {
    matched = extend(text, borders, matched, text.charCodeAt(at));
    borders[at + 1] = matched;
  }
  return borders;
}

function extend(text: string, borders: Int32Array, matched: number, unit: number): number {
  let length = matched;
  while (length > 0 && text.charCodeAt(length) !== unit) length = borders[length] ?? 0;
  return text.charCodeAt(length) === unit ? length + 1 : 0;
}
