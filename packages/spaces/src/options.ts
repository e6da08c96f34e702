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
export function applyOptions(options: SpaceOptions, given: Subset<SpaceOptions> | undefined): void {
  options.offlineTimeout = given?.offlineTimeout ?? options.offlineTimeout;
  const { cursors } = options;
  cursors.outboundBatchInterval = given?.cursors?.outboundBatchInterval ?? cursors.outboundBatchInterval;
  cursors.paginationLimit = given?.cursors?.paginationLimit ?? cursors.paginationLimit;
}
