import type { Locator, Page } from 'playwright-core';

/** Where a thing is in its window, in CSS pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** The demo's page as a person sees it: everything is found by role and name. */
export class BoardPage {
  constructor(readonly page: Page) {}

  /** The avatars, in order. */
  get avatars(): Locator {
    return this.page.getByRole('navigation', { name: 'People in this space' }).getByRole('button');
  }

  /** Somebody's avatar, by what it says. */
  avatar(words: string | RegExp): Locator {
    return this.page.getByRole('navigation', { name: 'People in this space' }).getByRole('button', { name: words });
  }

  get ownAvatar(): Locator {
    return this.avatar(/\(you\)/);
  }

  get connection(): Locator {
    return this.page.getByRole('region', { name: 'Connection' });
  }

  /** A card, as the list item that has this title. */
  card(title: string): Locator {
    return this.page
      .getByRole('listitem')
      .filter({ has: this.page.getByRole('heading', { name: title, exact: true }) });
  }

  title(title: string): Locator {
    return this.page.getByRole('button', { name: title, exact: true });
  }

  field(title: string): Locator {
    return this.page.getByRole('textbox', { name: `Text of ${title}` });
  }

  edit(title: string): Locator {
    return this.page.getByRole('button', { name: `Edit ${title}`, exact: true });
  }

  save(title: string): Locator {
    return this.page.getByRole('button', { name: `Save ${title}`, exact: true });
  }

  /** The badge that says who edits a card. */
  lock(title: string): Locator {
    return this.card(title).getByTestId('lock');
  }

  /** Name tags of the others who are at a card. */
  tags(title: string): Locator {
    return this.card(title).getByTestId('place');
  }

  get cursors(): Locator {
    return this.page.getByTestId('cursor');
  }

  get notices(): Locator {
    return this.page.getByRole('log');
  }

  /** The name that this window goes by. */
  async name(): Promise<string> {
    const label = (await this.ownAvatar.getAttribute('aria-label')) ?? '';
    return label.replace(/ \(you\).*/, '');
  }

  /** Where the tip of the cursor of the first other is; null while it is not in sight. */
  async cursorTip(): Promise<Place | null> {
    const cursor = this.cursors.first();
    if (!(await cursor.count()) || (await cursor.evaluate((made) => getComputedStyle(made).opacity)) !== '1')
      return null;
    const box = await cursor.boundingBox();
    return box && { x: box.x, y: box.y };
  }

  /** The colour of a card's outline, such as `rgb(1, 2, 3)`; null if it has none. */
  outline(title: string): Promise<string | null> {
    return this.card(title).evaluate((card) => {
      const { outlineStyle, outlineColor } = getComputedStyle(card);
      return outlineStyle === 'none' ? null : outlineColor;
    });
  }

  background(of: Locator): Promise<string> {
    return of.evaluate((made) => getComputedStyle(made).backgroundColor);
  }
}
