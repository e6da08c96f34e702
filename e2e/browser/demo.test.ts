import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { BoardPage } from './boardPage.ts';
import { describeInChromium } from './chromium.ts';
import { type DevServer, startDevServer } from './devServer.ts';

const artifacts = fileURLToPath(new URL('../../artifacts/browser/', import.meta.url));
const patience = { timeout: 10_000, interval: 50 };
vi.setConfig({ testTimeout: 60_000 });
const lights = 'Fountain lights';
const poster = 'Poster';

describeInChromium('demo', (chromium) => {
  let server: DevServer;
  let spaces = 0;

  beforeAll(async () => {
    await mkdir(artifacts, { recursive: true });
    server = await startDevServer();
  }, 60_000);
  afterAll(() => server?.stop());

  /** Opens windows of one space that is new for each test, each with a person of its own who has arrived. */
  async function together(...options: BrowserContextOptions[]): Promise<BoardPage[]> {
    const url = `${server.url}/?space=test-${spaces++}`;
    const pages = await Promise.all(options.map(async (each) => new BoardPage(await chromium.open(url, each))));
    for (const page of pages) await expect.poll(() => page.avatars.count(), patience).toBe(pages.length);
    return pages;
  }

  async function two(): Promise<[BoardPage, BoardPage]> {
    const [ann, ben] = await together({}, {});
    if (!ann || !ben) throw new Error('two windows were asked for');
    return [ann, ben];
  }

  test('[DM40] two windows show the same two people, each itself first', async () => {
    const [ann, ben] = await two();
    const [annName, benName] = [await ann.name(), await ben.name()];
    await expect.poll(() => ann.avatar(`${benName}, here`).count(), patience).toBe(1);
    await expect.poll(() => ben.avatar(`${annName}, here`).count(), patience).toBe(1);
    expect(await ann.avatars.first().getAttribute('aria-label')).toContain(`${annName} (you)`);
    expect(await ann.avatars.first().textContent()).toContain('you');
    expect(await ann.background(ann.avatars.first())).toBe(await ben.background(ben.avatar(`${annName}, here`)));
    expect(await ann.background(ann.avatars.first())).not.toBe(await ann.background(ann.avatars.last()));
    expect(chromium.complaints).toEqual([]);
  });

  test('[DM41] a cursor is drawn where its person points, follows, and goes when it leaves the board', async () => {
    const [ann, ben] = await two();
    const box = await ann.card(poster).boundingBox();
    if (!box) throw new Error('the card is not in sight');
    for (const part of [0.25, 0.75]) {
      const point = { x: box.x + box.width * part, y: box.y + box.height * part };
      await ann.page.mouse.move(point.x - 40, point.y, { steps: 4 });
      await ann.page.mouse.move(point.x, point.y, { steps: 4 });
      await expect
        .poll(async () => {
          const tip = await ben.cursorTip();
          return tip ? Math.hypot(tip.x - point.x, tip.y - point.y) : Number.POSITIVE_INFINITY;
        }, patience)
        .toBeLessThan(3);
    }
    expect(await ben.cursors.textContent()).toBe(await ann.name());
    expect(await ann.cursors.count()).toBe(0);
    await ann.page.mouse.move(100, 10, { steps: 4 });
    await expect.poll(() => ben.cursorTip(), patience).toBeNull();
  });

  test('[DM41] a cursor points at the same card on a page of another size', async () => {
    const [ann, ben] = await together({}, { viewport: { width: 420, height: 800 } });
    if (!ann || !ben) throw new Error('two windows were asked for');
    await ann.card(poster).hover({ position: { x: 40, y: 50 } });
    await ben.card(poster).scrollIntoViewIfNeeded();
    await expect
      .poll(async () => {
        const [tip, box] = [await ben.cursorTip(), await ben.card(poster).boundingBox()];
        return tip && box && tip.x > box.x && tip.x < box.x + box.width && tip.y > box.y && tip.y < box.y + box.height;
      }, patience)
      .toBe(true);
  });

  test('[DM42] the card where somebody is has an outline and a tag in the colour of the person', async () => {
    const [ann, ben] = await two();
    expect(await ben.outline(lights)).toBeNull();
    await ann.card(lights).click();
    await expect.poll(() => ben.tags(lights).allTextContents(), patience).toEqual([await ann.name()]);
    const colour = await ann.background(ann.ownAvatar);
    expect(await ben.outline(lights)).toBe(colour);
    expect(await ben.background(ben.tags(lights))).toBe(colour);
    expect(await ann.title(lights).getAttribute('aria-current')).toBe('true');
    await ann.card(poster).click();
    await expect.poll(() => ben.tags(poster).count(), patience).toBe(1);
    expect(await ben.tags(lights).count()).toBe(0);
    expect(await ben.outline(lights)).toBeNull();
  });

  test('[DM43] a card is locked for others while it is edited, and they see what is written', async () => {
    const [ann, ben] = await two();
    expect(await ben.field(lights).isDisabled()).toBe(false);
    await ann.edit(lights).click();
    await expect.poll(() => ben.lock(lights).textContent(), patience).toBe(`${await ann.name()} is editing`);
    expect(await ben.field(lights).isDisabled()).toBe(true);
    expect(await ben.edit(lights).count()).toBe(0);
    await ann.field(lights).fill('Lanterns instead');
    await expect.poll(() => ben.field(lights).inputValue(), patience).toBe('Lanterns instead');
    await ann.page.screenshot({ path: `${artifacts}editing.png` });
    await ben.page.screenshot({ path: `${artifacts}locked.png` });
    await ann.save(lights).click();
    await expect.poll(() => ben.field(lights).isDisabled(), patience).toBe(false);
    expect(await ben.lock(lights).isVisible()).toBe(false);
    expect(await ben.field(lights).inputValue()).toBe('Lanterns instead');
    await ben.edit(lights).click();
    await expect.poll(() => ann.lock(lights).textContent(), patience).toBe(`${await ben.name()} is editing`);
    expect(chromium.complaints).toEqual([]);
  });

  test('[DM43] who clicks elsewhere has saved, who presses Escape has not', async () => {
    const [ann, ben] = await two();
    const before = await ann.field(lights).inputValue();
    await ann.edit(lights).click();
    await expect.poll(() => ann.field(lights).isEditable(), patience).toBe(true);
    await ann.field(lights).fill('Not so');
    await expect.poll(() => ben.field(lights).inputValue(), patience).toBe('Not so');
    await ann.page.keyboard.press('Escape');
    await expect.poll(() => ben.field(lights).inputValue(), patience).toBe(before);
    // A second click on a card that is selected already edits.
    await ann.card(lights).click({ position: { x: 40, y: 60 } });
    await expect.poll(() => ann.field(lights).isEditable(), patience).toBe(true);
    await ann.field(lights).fill('But so');
    await ann.card(poster).click();
    await expect.poll(() => ben.field(lights).inputValue(), patience).toBe('But so');
    await expect.poll(() => ben.edit(lights).count(), patience).toBe(1);
  });

  test('[DM44] of two who want a card at once, one gets it and the other is told', async () => {
    const [ann, ben] = await two();
    // By their elements, for a button is not found any more where the other was faster.
    const buttons = await Promise.all([ann, ben].map((page) => page.edit(lights).elementHandle()));
    await Promise.all(buttons.map((button) => button?.dispatchEvent('click')));
    const editors = async () => Promise.all([ann, ben].map((page) => page.field(lights).isEditable()));
    await expect.poll(async () => (await editors()).filter(Boolean).length, patience).toBe(1);
    const [winner, loser] = (await ann.field(lights).isEditable()) ? [ann, ben] : [ben, ann];
    await expect.poll(() => loser.lock(lights).textContent(), patience).toBe(`${await winner.name()} is editing`);
    expect(await winner.lock(lights).textContent()).toBe('Yours');
    expect(await loser.field(lights).isDisabled()).toBe(true);
  });

  test('[DM45] the connection is cut and restored by its button, and nothing is missed', async () => {
    const [ann, ben] = await two();
    const state = ann.connection.getByRole('status');
    expect(await state.textContent()).toBe('Connected');
    const good = await ann.background(ann.connection.locator('.dot'));
    await ann.connection.getByRole('button', { name: 'Cut the connection' }).click();
    await expect.poll(() => state.textContent(), patience).toBe('Cut off');
    expect(await ann.background(ann.connection.locator('.dot'))).not.toBe(good);
    await ann.page.screenshot({ path: `${artifacts}cut.png` });
    await ben.edit(lights).click();
    await expect.poll(() => ben.field(lights).isEditable(), patience).toBe(true);
    await ben.field(lights).fill('Written meanwhile');
    await ben.save(lights).click();
    await expect.poll(() => ben.field(lights).isEditable(), patience).toBe(false);
    expect(await ann.field(lights).inputValue()).not.toBe('Written meanwhile');
    await ann.connection.getByRole('button', { name: 'Restore the connection' }).click();
    await expect.poll(() => state.textContent(), patience).toBe('Connected');
    await expect.poll(() => ann.field(lights).inputValue(), patience).toBe('Written meanwhile');
    expect(await ann.notices.textContent()).toContain('Connection resumed, nothing was missed');
    expect(await ben.avatar(`${await ann.name()}, here`).count()).toBe(1);
    expect(chromium.complaints).toEqual([]);
  });

  test('[DM46] the link opens a second person in the same space', async () => {
    const [ann] = await together({});
    if (!ann) throw new Error('a window was asked for');
    const opened = ann.page.waitForEvent('popup').catch(() => undefined);
    const created = ann.page.context().waitForEvent('page');
    await ann.page.getByRole('link', { name: 'Open a second person' }).click();
    const second = new BoardPage(await Promise.race([created, opened.then((page) => page ?? created)]));
    await expect.poll(() => ann.avatars.count(), patience).toBe(2);
    await expect.poll(() => second.avatars.count(), patience).toBe(2);
    expect(await second.page.getByText(/^space /).textContent()).toBe(
      await ann.page.getByText(/^space /).textContent(),
    );
    await expect.poll(() => ann.avatar(/\(you\)/).count(), patience).toBe(1);
    await expect.poll(async () => ann.avatar(`${await second.name()}, here`).count(), patience).toBe(1);
  });

  test('[DM47] who closes the window is told of, goes grey, and is gone after a while', async () => {
    const [ann, ben] = await two();
    const name = await ben.name();
    const colour = await ann.background(ann.avatars.last());
    await ben.page.close({ runBeforeUnload: true });
    await ann.avatar(`${name}, left`).waitFor();
    await expect.poll(() => ann.background(ann.avatars.last()), patience).not.toBe(colour);
    expect(await ann.notices.textContent()).toContain(`${name} left`);
    await ann.page.screenshot({ path: `${artifacts}left.png` });
    await expect.poll(() => ann.avatars.count(), patience).toBe(1);
  });

  test('[DM48] who leaves by choice can come back', async () => {
    const [ann, ben] = await two();
    const name = await ann.name();
    await ann.ownAvatar.click();
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Leave the space' }).click();
    await ben.avatar(`${name}, left`).waitFor();
    await ann.page.getByRole('button', { name: 'Come back' }).click();
    await ben.avatar(`${name}, here`).waitFor();
    expect(await ben.avatar(`${name}, left`).count()).toBe(0);
  });

  test('[DM49] a new name is seen by all, and markup in names and texts is text', async () => {
    const [ann, ben] = await two();
    const name = '<img src=x alt=y>';
    await ann.ownAvatar.click();
    await ann.page.getByRole('dialog').getByLabel('Name').fill(name);
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await ben.avatar(`${name}, here`).waitFor();
    await ann.edit(lights).click();
    await expect.poll(() => ann.field(lights).isEditable(), patience).toBe(true);
    await ann.field(lights).fill('<script>fetch("//example.com")</script>');
    await ben.card(lights).getByText(`${name} is editing`).waitFor();
    await ann.card(lights).hover();
    await expect.poll(() => ben.cursors.textContent(), patience).toBe(name);
    await expect.poll(() => ben.field(lights).inputValue(), patience).toContain('<script>');
    expect(await ben.page.locator('img').count()).toBe(1);
    expect(chromium.complaints).toEqual([]);
  });

  test('[DM50] a newcomer finds what was written, who is where and who holds what', async () => {
    const [ann, ben] = await two();
    await ann.edit(lights).click();
    await expect.poll(() => ann.field(lights).isEditable(), patience).toBe(true);
    await ann.field(lights).fill('Already here');
    await ben.card(poster).click();
    const late = new BoardPage(await chromium.open(ann.page.url()));
    await expect.poll(() => late.avatars.count(), patience).toBe(3);
    await expect.poll(() => late.field(lights).inputValue(), patience).toBe('Already here');
    await expect.poll(() => late.tags(poster).allTextContents(), patience).toEqual([await ben.name()]);
    await expect.poll(() => late.lock(lights).textContent(), patience).toBe(`${await ann.name()} is editing`);
    expect(await late.field(lights).isDisabled()).toBe(true);
  });

  test('[DM51] everything is done from the keyboard alone', async () => {
    const [ann, ben] = await two();
    const keys = ann.page.keyboard;
    await ann.page.locator('body').press('Tab');
    await keys.press('Enter');
    await keys.press('Tab');
    await expect.poll(() => ben.tags(lights).count(), patience).toBe(1);
    await keys.press('Tab');
    await keys.press('Enter');
    await expect.poll(() => ann.field(lights).isEditable(), patience).toBe(true);
    await keys.press('ControlOrMeta+A');
    await keys.type('By hand');
    await keys.press('Control+Enter');
    await expect.poll(() => ben.field(lights).inputValue(), patience).toBe('By hand');
    await expect.poll(() => ben.edit(lights).count(), patience).toBe(1);
    await ann.avatars.last().focus();
    expect(await ann.page.getByText(`${await ben.name()}, here`, { exact: true }).isVisible()).toBe(true);
  });

  test('[DM52] who looks at another page is away', async () => {
    const [ann, ben] = await two();
    await ben.page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await ann.avatar(`${await ben.name()}, away`).waitFor();
  });

  test('[DM53] a crowd fits: those for whom there is no place are behind +n, by name', async () => {
    const narrow = { viewport: { width: 420, height: 800 } };
    const url = `${server.url}/?space=crowd`;
    const pages: BoardPage[] = [];
    for (let index = 0; index < 6; index++) pages.push(new BoardPage(await chromium.open(url, narrow)));
    const [first] = pages;
    if (!first) throw new Error('windows were asked for');
    const more = first.avatar(/^3 more: /);
    await more.waitFor();
    expect(await first.avatars.count()).toBe(4);
    const names = await Promise.all(pages.map((page) => page.name()));
    const shown = await first.avatars.evaluateAll((buttons) =>
      buttons.map((button) => button.getAttribute('aria-label')).join(),
    );
    for (const name of names) expect(shown).toContain(name);
  });

  test.each([
    [1280, 800, 'light'],
    [1280, 800, 'dark'],
    [420, 800, 'light'],
    [420, 800, 'dark'],
  ] as const)('[DM54] nothing sticks out at %i x %i, %s', async (width, height, colorScheme) => {
    const [ann, ben, cho] = await together({ viewport: { width, height }, colorScheme }, {}, {});
    if (!ann || !ben || !cho) throw new Error('three windows were asked for');
    await ben.edit(lights).click();
    await expect.poll(() => ben.field(lights).isEditable(), patience).toBe(true);
    await ben.page.keyboard.type(' And a string of them over to the well.');
    await cho.card('Book swap').click();
    await cho.card('Book swap').hover({ position: { x: 60, y: 70 } });
    await ann.card('Accordion at noon').click();
    await expect.poll(() => ann.tags('Book swap').count(), patience).toBe(1);
    await ann.lock(lights).waitFor();
    await expect.poll(() => ann.cursors.count(), patience).toBe(2);
    await ann.page.screenshot({ path: `${artifacts}board-${width}-${colorScheme}.png` });
    const overflow = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
    expect(await ann.page.evaluate(overflow)).toBe(0);
    await ann.page.setViewportSize({ width: 320, height });
    expect(await ann.page.evaluate(overflow)).toBe(0);
  });
});
