import { readFile } from 'node:fs/promises';

/** @typedef {Record<string, { version?: string, link?: boolean, optional?: boolean, devOptional?: boolean, peer?: boolean }>} Packages */

/**
 * Whether what is installed is what the lock file says, so that nothing needs to be installed.
 * @param {string} root
 */
export async function isInStep(root) {
  const [wanted, installed] = await Promise.all([
    packagesOf(`${root}/package-lock.json`),
    packagesOf(`${root}/node_modules/.package-lock.json`),
  ]);
  if (wanted === undefined || installed === undefined) return false;
  const isMissing = ([path, { optional, devOptional }]) =>
    path.startsWith('node_modules/') && !optional && !devOptional && installed[path] === undefined;
  const isForeign = ([path, { version, link }]) => !link && wanted[path]?.version !== version;
  return !Object.entries(wanted).some(isMissing) && !Object.entries(installed).some(isForeign);
}

/**
 * @param {string} file
 * @returns {Promise<Packages | undefined>}
 */
async function packagesOf(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
