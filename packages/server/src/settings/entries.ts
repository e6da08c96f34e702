import type { Setting } from './kinds.ts';
import { settings } from './settings.ts';

/** A setting under all its names. */
export interface Entry {
  /** Name as an option and in the config file; of groups the parts with a dot: `limits.maxFrameSize`. */
  readonly path: string;
  /** Without its dashes: `max-frame-size`. */
  readonly flag: string;
  /** Environment variable: `PARVIS_MAX_FRAME_SIZE`. */
  readonly variable: string;
  readonly setting: Setting<unknown>;
}

/** Every setting, in the order of the table. */
export const entries: readonly Entry[] = Object.entries(settings).flatMap(([name, value]) =>
  isSetting(value)
    ? [entryOf(name, name, value)]
    : // Names of limits say enough by themselves; those of other groups need the name of the group.
      Object.entries(value).map(([part, setting]) =>
        entryOf(`${name}.${part}`, name === 'limits' ? part : `${name}-${part}`, setting),
      ),
);

const byPath = new Map(entries.map((entry) => [entry.path, entry]));

/** The setting of that path. */
export function entryAt(path: string): Entry | undefined {
  return byPath.get(path);
}

/** Names of settings that hold others: `limits` and `tls`. */
export const groups: ReadonlySet<string> = new Set(
  entries.flatMap(({ path }) => (path.includes('.') ? path.split('.').slice(0, 1) : [])),
);

function entryOf(path: string, words: string, setting: Setting<unknown>): Entry {
  const dashed = words.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    path,
    flag: setting.flag ?? dashed,
    variable: `PARVIS_${dashed.replaceAll('-', '_').toUpperCase()}`,
    setting,
  };
}

function isSetting(value: object): value is Setting<unknown> {
  return 'check' in value;
}
