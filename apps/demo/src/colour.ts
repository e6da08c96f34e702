/** Colours that white text can be read on (4.5:1 or better), far enough apart to tell people by. */
export const palette: readonly string[] = [
  '#1d4ed8',
  '#b45309',
  '#15803d',
  '#7c3aed',
  '#be185d',
  '#0e7490',
  '#b91c1c',
  '#a21caf',
];

/**
 * The colour of each person, by clientId: the same in every window that sees the same people. It comes from a hash of the clientId;
 * of two who would have the same one, the later in the alphabet takes the next that is free.
 */
export function coloursOf(clientIds: Iterable<string>): ReadonlyMap<string, string> {
  const ids = [...new Set(clientIds)].sort();
  const colours = new Map<string, string>();
  const taken = new Set<number>();
  const give = (id: string, index: number) => {
    taken.add(index);
    colours.set(id, palette[index] ?? '');
  };
  for (const id of ids) if (!taken.has(hashOf(id))) give(id, hashOf(id));
  for (const id of ids) if (!colours.has(id)) give(id, nextFree(hashOf(id), taken));
  return colours;
}

function nextFree(from: number, taken: ReadonlySet<number>): number {
  const tries = palette.map((_, step) => (from + step) % palette.length);
  return tries.find((index) => !taken.has(index)) ?? from;
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  // The low bits of such a hash follow the last character too closely.
  return ((hash ^ (hash >>> 15)) >>> 0) % palette.length;
}
