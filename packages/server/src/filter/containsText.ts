import type { Steps } from './steps.ts';

/**
 * Whether a text holds another, looking at each character of both twice at most, whatever they are (Knuth, Morris, Pratt):
 * where both come from clients, a search that begins anew at each place could take their product. Each look is a step.
 */
export function containsText(text: string, part: string, steps: Steps): boolean {
  if (part.length > text.length) return false;
  const borders = bordersOf(part, steps);
  let matched = 0;
  for (let at = 0; at < text.length && matched < part.length; at++) {
    matched = extend(part, borders, matched, text.charCodeAt(at), steps);
  }
  return matched === part.length;
}

/** For each length of a beginning of the text: the longest shorter beginning that it also ends with. */
function bordersOf(text: string, steps: Steps): Int32Array {
  const borders = new Int32Array(text.length + 1);
  let matched = 0;
  for (let at = 1; at < text.length; at++) {
    matched = extend(text, borders, matched, text.charCodeAt(at), steps);
    borders[at + 1] = matched;
  }
  return borders;
}

function extend(text: string, borders: Int32Array, matched: number, unit: number, steps: Steps): number {
  let length = matched;
  for (;;) {
    steps.take(1);
    if (text.charCodeAt(length) === unit) return length + 1;
    if (length === 0) return 0;
    length = borders[length] ?? 0;
  }
}
