import { defineConfig } from 'tsdown';
import { packageBuild } from '../../scripts/packageBuild.ts';

export default defineConfig(packageBuild({ index: 'src/index.ts' }));
