import { element } from './element.ts';
import type { Person } from './person.ts';
import { layOut } from './stackLayout.ts';

/** What a click on an avatar does. */
export interface AvatarActions {
  /** On one's own. */
  openProfile(): void;
  /** On somebody else's who is at a card. */
  goTo(card: string): void;
}

interface Avatar {
  readonly element: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly tip: HTMLElement;
  person: Person;
}

const presenceWords = { here: 'here', away: 'away', gone: 'left' } as const;

/** The people in the space as overlapping circles; those who do not fit are behind `+n`. */
export class AvatarStack {
  readonly #list = element('ul', { class: 'stack', 'data-testid': 'avatars' });
  readonly #avatars = new Map<string, Avatar>();
  readonly #more = element('button', { type: 'button', class: 'avatar more' });
  readonly #moreNames = element('span', { class: 'tip', 'aria-hidden': 'true' });
  readonly #moreItem = element('li', { 'data-testid': 'more-people' }, this.#more, this.#moreNames);
  readonly #narrow = matchMedia('(max-width: 40rem)');
  #people: readonly Person[] = [];

  constructor(
    parent: HTMLElement,
    private readonly titles: (card: string) => string | undefined,
    private readonly actions: AvatarActions,
  ) {
    parent.append(this.#list);
    this.#narrow.addEventListener('change', () => this.show(this.#people));
  }

  /** Draws the stack; an avatar that stays keeps its element, and with it the focus. */
  show(people: readonly Person[]): void {
    this.#people = people;
    const { shown, hidden } = layOut(people, this.#narrow.matches ? 4 : 6);
    const kept = new Set(shown.map(({ connectionId }) => connectionId));
    for (const [id, avatar] of this.#avatars) {
      if (kept.has(id)) continue;
      avatar.element.remove();
      this.#avatars.delete(id);
    }
    for (const [index, person] of shown.entries()) this.#place(this.#avatarOf(person).element, index);
    this.#showMore(hidden, shown.length);
  }

  #showMore(hidden: readonly Person[], index: number): void {
    if (!hidden.length) {
      this.#moreItem.remove();
      return;
    }
    const names = hidden.map(({ name }) => name).join(', ');
    this.#more.textContent = `+${hidden.length}`;
    this.#more.setAttribute('aria-label', `${hidden.length} more: ${names}`);
    this.#moreNames.textContent = names;
    this.#place(this.#moreItem, index);
  }

  #place(item: HTMLLIElement, index: number): void {
    // Moving an element takes the focus from it.
    if (this.#list.children[index] !== item) this.#list.insertBefore(item, this.#list.children[index] ?? null);
  }

  #avatarOf(person: Person): Avatar {
    const avatar = this.#avatars.get(person.connectionId) ?? this.#add(person);
    const { button, tip } = avatar;
    avatar.person = person;
    button.style.setProperty('--person', person.colour);
    button.dataset.presence = person.presence;
    const letters = button.firstElementChild;
    if (letters && letters.textContent !== person.initials) letters.textContent = person.initials;
    const place = person.card && person.presence !== 'gone' ? this.titles(person.card) : undefined;
    const words = `${person.name}${person.isSelf ? ' (you)' : ''}, ${presenceWords[person.presence]}`;
    tip.textContent = place ? `${words}, at ${place}` : words;
    button.setAttribute('aria-label', person.isSelf ? `${words}. Change your name` : (tip.textContent ?? ''));
    return avatar;
  }

  #add(person: Person): Avatar {
    const button = element('button', { type: 'button', class: 'avatar' }, element('span', {}));
    if (person.isSelf) button.append(element('span', { class: 'you', 'aria-hidden': 'true' }, 'you'));
    const tip = element('span', { class: 'tip', 'aria-hidden': 'true' });
    const item = element('li', { 'data-testid': 'avatar', 'data-connection': person.connectionId }, button, tip);
    const avatar: Avatar = { element: item, button, tip, person };
    button.addEventListener('click', () => {
      const { isSelf, card, presence } = avatar.person;
      if (isSelf) this.actions.openProfile();
      else if (card && presence !== 'gone') this.actions.goTo(card);
    });
    this.#avatars.set(person.connectionId, avatar);
    return avatar;
  }
}
