import type { UserConfig } from 'tsdown';

/** How a package of ours is built: ESM and CJS, each with its types; what it depends on stays outside. */
export function packageBuild(entry: Record<string, string>, more: UserConfig = {}): UserConfig {
  return {
    entry,
    format: ['esm', 'cjs'],
    platform: 'neutral',
    target: 'es2022',
    fixedExtension: false,
    tsconfig: '../../tsconfig.json',
    dts: true,
    outputOptions: { exports: 'named' },
    ...more,
  };
}
