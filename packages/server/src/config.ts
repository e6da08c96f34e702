import { errors } from '@parvis/protocol';
import { entries, entryAt, groups } from './settings/entries.ts';
import { nearestName } from './settings/nearestName.ts';
import type { Settings } from './settings/settings.ts';

/** Values by the path of their setting, such as `limits.maxFrameSize`: one source of configuration. */
export type Layer = ReadonlyMap<string, unknown>;

/**
 * Takes nested options apart and checks each. Throws 40000, with the nearest name, for one that is unknown, and 40003 for
 * one that is not valid.
 * @param known names beyond those of the table that are passed over
 */
export function layerOf(options: object, known: readonly string[] = []): Layer {
  const layer = new Map<string, unknown>();
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue;
    if (!groups.has(name)) {
      setChecked(layer, name, value, known);
    } else if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw errors.badParameter(name, 'it must be an object');
    } else {
      for (const [part, inner] of Object.entries(value)) {
        if (inner !== undefined) setChecked(layer, `${name}.${part}`, inner, known);
      }
    }
  }
  return layer;
}

/** All settings: of each the value in the last layer that has one, or else its initial value. */
export function settingsOf(...layers: readonly Layer[]): Settings {
  const settings: Record<string, unknown> = {};
  for (const { path, setting } of entries) {
    const layer = layers.findLast((each) => each.has(path));
    const value = layer === undefined ? setting.initial : layer.get(path);
    const [group = path, part] = path.split('.');
    if (part === undefined) {
      settings[path] = value;
    } else {
      settings[group] ??= {};
      (settings[group] as Record<string, unknown>)[part] = value;
    }
  }
  return settings as unknown as Settings;
}

function setChecked(layer: Map<string, unknown>, path: string, value: unknown, known: readonly string[]): void {
  const entry = entryAt(path);
  if (entry === undefined) throw errors.badRequest(`there is no option ${path}${nearestPath(path, known)}`);
  layer.set(path, entry.setting.check(value, path));
}

function nearestPath(path: string, known: readonly string[]): string {
  const names = entries.map((entry) => entry.path);
  const exact = names.find((name) => name.endsWith(`.${path}`));
  return exact === undefined ? nearestName(path, [...names, ...groups, ...known]) : `; did you mean ${exact}?`;
}
