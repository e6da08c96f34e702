import { defineConfig, type UserConfig } from 'tsdown';

const shared: UserConfig = {
  target: 'es2022',
  // Fields become plain assignments: nothing here depends on how they are defined, and each build is a good deal smaller.
  tsconfig: 'tsconfig.build.json',
};

export default defineConfig([
  {
    ...shared,
    entry: {
      index: 'src/index.ts',
      locks: 'src/lockEntry.ts',
      extras: 'src/extras.ts',
      playback: 'src/playback.ts',
      follow: 'src/follow.ts',
    },
    format: ['esm', 'cjs'],
    platform: 'neutral',
    fixedExtension: false,
    dts: true,
    outputOptions: { exports: 'named' },
  },
  {
    ...shared,
    entry: { 'index.bundle': 'src/iife.ts' },
    format: 'iife',
    outDir: 'dist/iife',
    platform: 'browser',
    globalName: 'Spaces',
    minify: true,
    dts: false,
    outputOptions: { entryFileNames: '[name].js' },
  },
]);
