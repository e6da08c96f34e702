// Lets node run TypeScript of the repository as it is: `node --import ./scripts/typescript.mjs file.ts`.
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

/** The hook of the module loader: types are taken away, nothing else is changed and nothing is checked. */
export async function load(
  /** @type {string} */ url,
  /** @type {import('node:module').LoadHookContext} */ context,
  /** @type {Function} */ nextLoad,
) {
  if (!/^file:.*\.ts$/.test(url)) return nextLoad(url, context);
  const { default: ts } = await import('typescript');
  const fileName = fileURLToPath(url);
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, inlineSourceMap: true };
  const { outputText } = ts.transpileModule(await readFile(fileName, 'utf8'), { compilerOptions, fileName });
  return { format: 'module', source: outputText, shortCircuit: true };
}
