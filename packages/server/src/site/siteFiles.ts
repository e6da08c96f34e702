import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

/** A file ready to be served. */
export interface SiteFile {
  readonly body: Buffer;
  readonly type: string;
  /** Strong, of the content, in quotes. */
  readonly etag: string;
  /** Sources for `script-src` that the page's own inline scripts need; empty for what is no page. */
  readonly scriptHashes: readonly string[];
}

const types: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.mjs', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.json', 'application/json'],
  ['.map', 'application/json'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.ico', 'image/x-icon'],
  ['.woff2', 'font/woff2'],
  ['.txt', 'text/plain; charset=utf-8'],
]);

/** A site is small: what is larger or more than this is not one. */
const MAX_FILES = 1_000;
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Reads a directory into memory, by the path that each file is asked for: `/cdn/spaces.js`, and `/` for `index.html`. What
 * is not in the list when it was read cannot be asked for, so no path leads out of it. Hidden files are left out.
 */
export async function readSite(directory: string): Promise<ReadonlyMap<string, SiteFile>> {
  const files = new Map<string, SiteFile>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = `/${relative(directory, join(entry.parentPath ?? entry.path, entry.name))
      .split(sep)
      .join('/')}`;
    if (!entry.isFile() || path.includes('/.') || files.size >= MAX_FILES) continue;
    const body = await readFile(join(directory, path));
    if (body.length > MAX_FILE_BYTES) continue;
    const file = fileOf(path, body);
    files.set(path, file);
    if (path.endsWith('/index.html')) files.set(path.slice(0, -'index.html'.length), file);
  }
  return files;
}

function fileOf(path: string, body: Buffer): SiteFile {
  const type = types.get(extname(path).toLowerCase()) ?? 'application/octet-stream';
  const isPage = type.startsWith('text/html');
  return {
    body,
    type,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    scriptHashes: isPage ? hashesOf(body.toString('utf8')) : [],
  };
}

function hashesOf(page: string): string[] {
  const scripts = page.matchAll(/<script(?![^>]*\bsrc\b)[^>]*>([\s\S]*?)<\/script>/gi);
  return [...scripts].map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
}
