import { cp } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Builds the demo into a folder: one script, one style sheet, one page; everything it needs is in there. */
export async function buildDemo(outDir) {
  await cp(here('public'), outDir, { recursive: true });
  const bundle = await rolldown({
    input: here('src/main.ts'),
    platform: 'browser',
    // Our own packages from their sources, so that the order of builds does not matter.
    resolve: { conditionNames: ['@parvis/source', 'browser', 'import', 'default'] },
    tsconfig: false,
  });
  await bundle.write({ file: `${outDir}/main.js`, format: 'esm', minify: true });
  await bundle.close();
}
