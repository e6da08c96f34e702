import type { ColumnContent } from './boardContent.ts';
import type { BoardState } from './boardState.ts';
import { Card, type CardActions } from './card.ts';
import { element } from './element.ts';
import type { Person } from './person.ts';

const hint = 'Click a card to be there, click its text to write. Everybody sees it as it happens.';

/** Everything that the cards show. */
export interface BoardLook {
  readonly texts: BoardState;
  readonly people: readonly Person[];
  /** Holder's connectionId by card. */
  readonly holders: ReadonlyMap<string, string>;
  readonly work: { readonly card: string; readonly phase: 'asking' | 'editing' } | null;
  readonly canEdit: boolean;
}

/** The columns and their cards. */
export class Board {
  readonly #cards = new Map<string, Card>();

  constructor(
    readonly ground: HTMLElement,
    columns: readonly ColumnContent[],
    actions: CardActions,
  ) {
    const lists = columns.map(({ id, title, cards }) => {
      const made = cards.map((content) => new Card(content, actions));
      for (const card of made) this.#cards.set(card.content.id, card);
      const heading = headingOf(id, title, made.length);
      return element(
        'section',
        { class: 'column', 'aria-labelledby': `column-${id}` },
        heading,
        element('ul', { class: 'cards' }, ...made.map((card) => card.element)),
      );
    });
    this.ground.replaceChildren(element('div', { class: 'columns' }, ...lists), element('p', { class: 'hint' }, hint));
  }

  /** Draws all cards. */
  show({ texts, people, holders, work, canEdit }: BoardLook): void {
    const others = people.filter(({ isSelf, presence }) => !isSelf && presence !== 'gone');
    const self = people.find(({ isSelf, presence }) => isSelf && presence !== 'gone');
    for (const [id, card] of this.#cards) {
      const holder = holders.get(id);
      card.show({
        text: texts.get(id)?.text ?? '',
        visitors: others.filter((person) => person.card === id),
        isOwnPlace: self?.card === id,
        holder: people.find(({ isSelf, connectionId }) => !isSelf && connectionId === holder) ?? null,
        work: work?.card === id ? work.phase : 'none',
        canEdit,
      });
    }
  }

  /** The element of a card, to place something by it. */
  elementOf(card: string): HTMLElement | undefined {
    return this.#cards.get(card)?.element;
  }

  /** Brings a card into sight and selects it. */
  reveal(card: string): void {
    this.#cards.get(card)?.reveal();
  }

  has(card: string): boolean {
    return this.#cards.has(card);
  }
}

function headingOf(id: string, title: string, count: number): HTMLHeadingElement {
  return element(
    'h2',
    { id: `column-${id}` },
    title,
    element('span', { class: 'count', 'aria-hidden': 'true' }, String(count)),
  );
}
