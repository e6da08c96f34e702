/** Colours that white text can be read on (4.5:1 or better), far enough apart to tell people by. */
export const palette: readonly string[] = [
  '#c2410c',
  '#1d4ed8',
  '#15803d',
  '#a21caf',
  '#b91c1c',
  '#0f766e',
  '#6d28d9',
  '#8a5a00',
  '#be185d',
  '#0369a1',
];

/** The colour of a person: the same in every window, for it depends on the clientId alone. */
export function colourOf(clientId: string): string {
  let hash = 0x811c9dc5;
  for (const char of clientId) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  // The low bits of such a hash follow the last character too closely.
  return palette[((hash ^ (hash >>> 15)) >>> 0) % palette.length] ?? '#444444';
}
