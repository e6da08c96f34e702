import { defineConfig } from 'tsdown';
import { packageBuild } from '../../scripts/packageBuild.ts';

export default defineConfig([
  packageBuild({ index: 'src/index.ts', engine: 'src/engine/index.ts' }, { platform: 'node' }),
  packageBuild(
    { bin: 'src/bin.ts' },
    {
      format: 'esm',
      platform: 'node',
      dts: false,
      // One file instead of many: each that Node finds and reads costs about a millisecond of the start.
      noExternal: [/^@parvis\//],
      inputOptions: { resolve: { conditionNames: ['@parvis/source', 'node', 'import', 'default'] } },
    },
  ),
]);
