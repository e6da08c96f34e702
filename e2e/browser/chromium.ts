import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';

const executablePath = '/usr/bin/chromium';
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser for one file of tests: each page it opens is a window of a person of its own. */
export interface Chromium {
  open(url: string, options?: BrowserContextOptions): Promise<Page>;
  /** What the pages of this test complained of, and whom on the internet they asked. */
  readonly complaints: readonly string[];
}

/**
 * Describes tests that need Chromium. Where it is missing they are skipped with a note, but fail in CI: `apt-get install chromium`.
 */
export function describeInChromium(name: string, define: (chromium: Chromium) => void): void {
  const isThere = existsSync(executablePath);
  if (!isThere && !process.env.CI) {
    console.warn(`skipped: ${name}, for there is no ${executablePath}`);
    describe.skip(`${name} (no ${executablePath})`, () => define(new Windows()));
    return;
  }
  describe(name, () => {
    const windows = new Windows();
    beforeAll(() => windows.launch(), 60_000);
    afterEach(() => windows.closeAll());
    afterAll(() => windows.end());
    define(windows);
  });
}

class Windows implements Chromium {
  #browser: Browser | undefined;
  readonly #complaints: string[] = [];

  get complaints(): readonly string[] {
    return this.#complaints;
  }

  async launch(): Promise<void> {
    this.#browser = await chromium.launch({ executablePath, args });
  }

  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    if (!this.#browser) throw new Error('Chromium is not running');
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.on('page', (page) => this.#listen(page));
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  async closeAll(): Promise<void> {
    this.#complaints.length = 0;
    for (const context of this.#browser?.contexts() ?? []) await context.close();
  }

  async end(): Promise<void> {
    await this.#browser?.close();
  }

  #listen(page: Page): void {
    page.on('pageerror', (error) => this.#complaints.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol.startsWith('http') && !['127.0.0.1', 'localhost'].includes(hostname)) {
        this.#complaints.push(`request to ${request.url()}`);
      }
    });
  }
}
