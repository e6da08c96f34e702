import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { JwtClaims } from './jwtClaims.ts';
import type { TokenRequest } from './tokenRequest.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Runs the n-th example of the README as a module of its own and returns what it exports. */
async function runExample<Exports>(index: number): Promise<Exports> {
  const readme = await readFile(join(folder, '../README.md'), 'utf8');
  const code = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)][index]?.[1] ?? '';
  const place = await mkdtemp(join(folder, '../.example-'));
  try {
    await writeFile(join(place, 'example.ts'), code);
    return (await import(join(place, 'example.ts'))) as Exports;
  } finally {
    await rm(place, { recursive: true });
  }
}

test('[AU80] the endpoint of the README knows its users and turns others away', async () => {
  const { handler } = await runExample<{ handler: (request: Request) => Promise<Response> }>(0);
  const url = 'http://app.example/api/token';
  expect((await handler(new Request(url))).status).toBe(401);
  const response = await handler(new Request(url, { headers: { cookie: 'session=ann' } }));
  const payload = JSON.parse(Buffer.from((await response.text()).split('.')[1] ?? '', 'base64url').toString());
  expect(payload).toMatchObject({ 'x-ably-clientId': 'ann', 'x-ably-capability': expect.stringContaining('board::*') });
});

test('[AU80] the parts of the README do what it says', async () => {
  const example = await runExample<{ token: string; claims: JwtClaims; request: TokenRequest; may: boolean }>(1);
  expect(example.token.split('.')).toHaveLength(3);
  expect(example.claims.clientId).toBe('ann');
  expect(example.request).toMatchObject({ keyName: 'app.key', clientId: 'ann' });
  expect(example.may).toBe(true);
});
