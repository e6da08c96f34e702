import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { describeInChromium } from './chromium.ts';
import { type DevServer, startDevServer } from './devServer.ts';

const example = new URL('../../examples/cdn.html', import.meta.url);
const copy = fileURLToPath(new URL('../../artifacts/browser/cdn.html', import.meta.url));
const patience = { timeout: 10_000, interval: 50 };
vi.setConfig({ testTimeout: 60_000 });

describeInChromium('a page from script tags', (chromium) => {
  let server: DevServer;

  beforeAll(async () => {
    server = await startDevServer();
    // A plain file, as a reader would save it with the port of the server in it.
    const page = await readFile(example, 'utf8');
    await mkdir(new URL('../../artifacts/browser/', import.meta.url), { recursive: true });
    await writeFile(copy, page.replaceAll('http://localhost:8787', server.url));
  }, 60_000);
  afterAll(() => server?.stop());

  const members = (page: Page) => page.getByRole('list', { name: 'Members' }).getByRole('listitem').allTextContents();

  test('[DM60] two script tags in a plain file make a space, without internet', async () => {
    const address = pathToFileURL(copy).href;
    const ann = await chromium.open(address);
    const ben = await chromium.open(address);
    expect(await ann.locator('script[src]').count()).toBe(2);
    for (const page of [ann, ben]) await expect.poll(async () => (await members(page)).length, patience).toBe(2);
    await ann.getByRole('button', { name: 'Garden' }).click();
    await expect.poll(() => members(ben), patience).toContainEqual(expect.stringMatching(/^Guest \w{4}: garden$/));
    expect(await members(ann)).toContain('You: garden');
    expect(await members(ben)).toContain('You: nowhere yet');
    await ann.screenshot({ path: copy.replace('.html', '.png') });
    await ann.close({ runBeforeUnload: true });
    await expect.poll(() => members(ben), patience).toContainEqual(expect.stringMatching(/^Guest \w{4}: left$/));
    expect(chromium.complaints).toEqual([]);
  });
});
