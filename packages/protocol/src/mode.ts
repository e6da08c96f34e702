/** Bits of `flags` on ATTACHED that say what follows or what was kept (spec TR3). */
export const Flag = {
  HAS_PRESENCE: 1 << 0,
  HAS_BACKLOG: 1 << 1,
  RESUMED: 1 << 2,
  ATTACH_RESUME: 1 << 5,
  HAS_OBJECTS: 1 << 7,
} as const;

/** Channel modes, as the bits of `flags` that carry them on ATTACH and ATTACHED (spec TR3). */
export const Mode = {
  PRESENCE: 1 << 16,
  PUBLISH: 1 << 17,
  SUBSCRIBE: 1 << 18,
  PRESENCE_SUBSCRIBE: 1 << 19,
  ANNOTATION_PUBLISH: 1 << 21,
  ANNOTATION_SUBSCRIBE: 1 << 22,
  OBJECT_SUBSCRIBE: 1 << 24,
  OBJECT_PUBLISH: 1 << 25,
} as const;

/** Name of a channel mode, as `params.modes` spells it. */
export type ModeName = Lowercase<keyof typeof Mode>;

/** All mode bits together: `flags & modeMask` leaves the modes. */
export const modeMask = Object.values(Mode).reduce((mask, bit) => mask | bit, 0);

/** Modes of an attach that names none (spec RTL4l and the service's default). */
export const defaultModes =
  Mode.PRESENCE | Mode.PUBLISH | Mode.SUBSCRIBE | Mode.PRESENCE_SUBSCRIBE | Mode.ANNOTATION_PUBLISH;

const bitByName = new Map<string, number>(Object.entries(Mode).map(([name, bit]) => [name.toLowerCase(), bit]));

/** Mode bits of a comma list such as `publish,subscribe`; names that are no mode count for nothing. */
export function parseModes(list: string): number {
  let bits = 0;
  for (const name of list.split(',')) bits |= bitByName.get(name.trim().toLowerCase()) ?? 0;
  return bits;
}
