import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testServer } from '../../test/testServer.ts';

const folder = mkdtempSync(join(tmpdir(), 'parvis-'));
const site = join(folder, 'site');
mkdirSync(join(site, 'cdn'), { recursive: true });
mkdirSync(join(site, '.git'));
writeFileSync(join(folder, 'secret.txt'), 'not to be served');
writeFileSync(join(site, '.env'), 'not to be served');
writeFileSync(join(site, '.git', 'config'), 'not to be served');
writeFileSync(join(site, 'index.html'), '<script>start()</script><script src="main.js"></script>');
writeFileSync(join(site, 'main.js'), 'start()');
writeFileSync(join(site, 'mark.svg'), '<svg/>');
writeFileSync(join(site, 'what'), 'bytes');
writeFileSync(join(site, 'cdn', 'spaces.js'), 'var Spaces');
symlinkSync(join(folder, 'secret.txt'), join(site, 'link.txt'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A path exactly as it is given: `fetch` would resolve its dots. */
function rawGet(port: number, path: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    request({ port, path }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve({ status: response.statusCode, body });
    })
      .on('error', reject)
      .end();
  });
}

describe('files that are served', () => {
  it('[OP38] have the type of their name and a tag of their content', async () => {
    const { get } = await testServer({ publicDir: site });
    for (const [path, type] of [
      ['/', 'text/html; charset=utf-8'],
      ['/index.html', 'text/html; charset=utf-8'],
      ['/main.js', 'text/javascript; charset=utf-8'],
      ['/mark.svg', 'image/svg+xml'],
      ['/what', 'application/octet-stream'],
    ] as const) {
      const answer = await get(path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe(type);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      const again = await get(path, { 'if-none-match': answer.headers.get('etag') ?? '' });
      expect([again.status, await again.text()]).toEqual([304, '']);
    }
  });

  it.each([
    '/../secret.txt',
    '/cdn/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/..\\secret.txt',
    '//secret.txt',
    '/cdn/..%00/secret.txt',
    '/link.txt',
    '/.env',
    '/.git/config',
    '/cdn/.',
    '/cdn',
    '/index.html/',
    '/constructor',
    '/__proto__',
  ])('[OP38] %s is none of them', async (path) => {
    const { server } = await testServer({ publicDir: site });
    const { status, body } = await rawGet(server.port, path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).not.toContain('not to be served');
  });

  it('[OP38] pages run their own scripts and no others, and talk to this server alone', async () => {
    const { get, server } = await testServer({ publicDir: site });
    const { headers } = await get('/');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self' 'sha256-[\w+/]{43}=';/);
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${server.port} wss://127.0.0.1:${server.port};`);
    expect(policy).toContain("style-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect((await get('/main.js')).headers.has('content-security-policy')).toBe(false);
  });

  it('[OP38] a host that is none does not get into the policy', async () => {
    const { server } = await testServer({ publicDir: site });
    const policy = await new Promise<string>((resolve) => {
      request({ port: server.port, headers: { host: "evil; script-src 'unsafe-inline'" } }, (response) => {
        response.resume();
        resolve(String(response.headers['content-security-policy']));
      }).end();
    });
    expect(policy).toContain("connect-src 'self';");
    expect(policy).not.toContain('unsafe');
  });

  it('[OP38] scripts of /cdn load from pages of any origin, the rest from our own', async () => {
    const { get } = await testServer({ publicDir: site });
    expect((await get('/cdn/spaces.js')).headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect((await get('/cdn/spaces.js')).headers.get('access-control-allow-origin')).toBe('*');
    expect((await get('/main.js')).headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });

  it('[OP38] leave REST as it is, and none are served unless a directory is given', async () => {
    const { get } = await testServer({ publicDir: site });
    expect((await get('/time')).status).toBe(200);
    expect((await get('/nowhere')).headers.get('x-ably-errorcode')).toBe('40400');
    expect((await (await testServer()).get('/')).status).toBe(404);
  });

  it('[OP38] a directory that is not there is logged, and REST goes on', async () => {
    const { get, log } = await testServer({ publicDir: join(folder, 'none') });
    expect((await get('/')).status).toBe(404);
    expect((await get('/time')).status).toBe(200);
    expect(log.join('')).toContain('files to serve could not be read');
  });
});
