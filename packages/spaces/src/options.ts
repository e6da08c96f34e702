import type { SpaceOptions, Subset } from './types.ts';

const DEFAULTS: SpaceOptions = {
  offlineTimeout: 120_000,
  cursors: { outboundBatchInterval: 50, paginationLimit: 5 },
};

/** The defaults, as a new object. */
export function defaultOptions(): SpaceOptions {
  return { ...DEFAULTS, cursors: { ...DEFAULTS.cursors } };
}

/** Writes the options that are given, at any depth, into `options`; 0 counts as given. */
export function applyOptions<T extends object>(options: T, given: Subset<T> | undefined): void {
  for (const key of Object.keys(options) as (keyof T)[]) {
    const [value, next] = [options[key], given?.[key]];
    if (typeof value === 'object' && value) applyOptions(value, next as Subset<typeof value> | undefined);
    else options[key] = (next ?? value) as T[keyof T];
  }
}
