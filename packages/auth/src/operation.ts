/** What a capability can permit on a resource; `*` stands for all and is not in this list. */
export const operations = [
  'annotation-publish',
  'annotation-subscribe',
  'channel-metadata',
  'history',
  'message-delete-any',
  'message-delete-own',
  'message-update-any',
  'message-update-own',
  'object-publish',
  'object-subscribe',
  'presence',
  'privileged-headers',
  'publish',
  'push-admin',
  'push-subscribe',
  'stats',
  'subscribe',
] as const;

/** One operation by its name on the wire. */
export type Operation = (typeof operations)[number];

/** Operations as bits. The list above is in sorted order, so reading bits upwards gives canonical order. */
export type OperationMask = number;

const bits = new Map<string, OperationMask>(operations.map((name, index) => [name, 1 << index]));
const wildcardBit = 1 << operations.length;

/** The mask of `["*"]`: every operation and the wildcard itself, so that `a & b` keeps `*` just where both had it. */
export const everyOperation: OperationMask = wildcardBit * 2 - 1;

/** The mask of one operation; 0 for a name that is none. `*` is not an operation. */
export function operationBit(name: string): OperationMask {
  return bits.get(name) ?? 0;
}

/** The names of a mask in canonical order, or `['*']`. */
export function operationNames(mask: OperationMask): string[] {
  if (mask & wildcardBit) return ['*'];
  return operations.filter((_, index) => mask & (1 << index));
}
