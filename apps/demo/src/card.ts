import type { CardContent } from './boardContent.ts';
import { maxTextLength } from './boardState.ts';
import { element } from './element.ts';
import { icon } from './icon.ts';
import type { Person } from './person.ts';

/** Whether the style sheet can size a field by its text; else a script does. */
const sizesItself = CSS.supports('field-sizing', 'content');
const isStill = matchMedia('(prefers-reduced-motion: reduce)');

/** What a card shows at one moment. */
export interface CardLook {
  readonly text: string;
  /** The others who are here. */
  readonly visitors: readonly Person[];
  /** Whether oneself is here. */
  readonly isOwnPlace: boolean;
  /** Who holds the lock, if it is somebody else. */
  readonly holder: Person | null;
  /** Own work on the card: none, waiting for the lock, or holding it. */
  readonly work: 'none' | 'asking' | 'editing';
  readonly canEdit: boolean;
}

/** What a user does to a card. */
export interface CardActions {
  select(card: string): void;
  edit(card: string): void;
  type(card: string, text: string): void;
  save(card: string): void;
  cancel(card: string): void;
}

/** One card of the board: a title to select it by, a text that is locked while somebody edits it. */
export class Card {
  readonly element: HTMLLIElement;
  readonly #title: HTMLButtonElement;
  readonly #field: HTMLTextAreaElement;
  readonly #button: HTMLButtonElement;
  readonly #tags = element('ul', { class: 'tags' });
  readonly #status = element('p', { class: 'lock', 'data-testid': 'lock', hidden: true });
  #work: CardLook['work'] = 'none';
  #tagged = '';

  constructor(
    readonly content: CardContent,
    private readonly actions: CardActions,
  ) {
    const { id, title, text } = content;
    this.#title = element('button', { type: 'button', class: 'card-title' }, title);
    this.#field = element('textarea', {
      'aria-label': `Text of ${title}`,
      maxlength: maxTextLength,
      rows: 1,
      tabindex: -1,
    });
    this.#field.value = text;
    this.#button = element('button', { type: 'button', class: 'edit' });
    this.element = element(
      'li',
      { class: 'card', 'data-card': id, 'data-testid': `card-${id}` },
      this.#tags,
      element('div', { class: 'head' }, element('h3', {}, this.#title), this.#status, this.#button),
      this.#field,
    );
    this.#listen();
    if (!sizesItself) new ResizeObserver(() => this.#fit()).observe(this.element);
  }

  /** Draws the card. While oneself edits, the field belongs to the keyboard and keeps its text. */
  show(look: CardLook): void {
    const { holder, work, isOwnPlace, visitors } = look;
    const isEditing = work === 'editing';
    if (!isEditing || this.#work !== 'editing') this.#setText(look.text);
    this.#field.disabled = holder !== null;
    this.#field.readOnly = !isEditing;
    this.#field.tabIndex = isEditing ? 0 : -1;
    this.#title.setAttribute('aria-current', String(isOwnPlace));
    this.element.dataset.work = work;
    this.element.classList.toggle('own', isOwnPlace);
    this.element.classList.toggle('locked', holder !== null);
    this.#showVisitors(holder ? [holder, ...visitors.filter((one) => one !== holder)] : visitors);
    this.#showStatus(holder, work);
    this.#showButton(isEditing, !holder && (look.canEdit || work !== 'none'));
    if (isEditing && this.#work !== 'editing') this.#startTyping();
    this.#work = work;
  }

  /** Brings the card into sight and puts the focus on it. */
  reveal(): void {
    this.element.scrollIntoView({ block: 'nearest', behavior: isStill.matches ? 'auto' : 'smooth' });
    this.#title.focus({ preventScroll: true });
  }

  #listen(): void {
    const { id } = this.content;
    this.#title.addEventListener('focus', () => this.actions.select(id));
    this.#button.addEventListener('click', () => {
      if (this.#work === 'editing') this.#finish('save');
      else this.actions.edit(id);
    });
    // A first click selects, a click on the text of a selected card edits.
    let wasOwn = false;
    this.element.addEventListener('pointerdown', () => {
      wasOwn = this.element.classList.contains('own');
    });
    this.element.addEventListener('click', ({ target }) => {
      if (target instanceof Element && target.closest('button')) return;
      if (this.#work === 'editing') return;
      if (wasOwn && !this.element.classList.contains('locked')) this.actions.edit(id);
      else this.#title.focus();
    });
    this.#field.addEventListener('input', () => {
      this.#fit();
      this.actions.type(id, this.#field.value);
    });
    this.#field.addEventListener('keydown', (event) => this.#onKey(event));
    this.element.addEventListener('focusout', ({ relatedTarget }) => {
      const isInside = relatedTarget instanceof Node && this.element.contains(relatedTarget);
      if (!isInside && document.hasFocus()) this.actions.save(id);
    });
  }

  #onKey(event: KeyboardEvent): void {
    if (this.#work !== 'editing') return;
    if (event.key === 'Escape') this.#finish('cancel');
    else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#finish('save');
  }

  #finish(how: 'save' | 'cancel'): void {
    this.actions[how](this.content.id);
    this.#button.focus();
  }

  #startTyping(): void {
    const { length } = this.#field.value;
    this.#field.focus({ preventScroll: true });
    this.#field.setSelectionRange(length, length);
  }

  #showVisitors(people: readonly Person[]): void {
    const colour = people[0]?.colour;
    this.element.classList.toggle('visited', colour !== undefined);
    if (colour) this.element.style.setProperty('--person', colour);
    const tagged = JSON.stringify(people.map(({ connectionId, name, colour: own }) => [connectionId, name, own]));
    if (tagged === this.#tagged) return;
    this.#tagged = tagged;
    this.#tags.replaceChildren(...people.map(tagOf));
  }

  #showStatus(holder: Person | null, work: CardLook['work']): void {
    const words = holder
      ? `${holder.name} is editing`
      : work === 'editing'
        ? 'Yours'
        : work === 'asking'
          ? 'Asking…'
          : '';
    this.#status.hidden = !words;
    this.#status.dataset.holder = holder ? 'other' : 'self';
    if (this.#status.textContent !== words)
      this.#status.replaceChildren(...(words ? [icon('lock'), element('span', {}, words)] : []));
  }

  #showButton(isEditing: boolean, isUsable: boolean): void {
    const label = `${isEditing ? 'Save' : 'Edit'} ${this.content.title}`;
    this.#button.disabled = !isUsable;
    if (this.#button.getAttribute('aria-label') === label) return;
    this.#button.setAttribute('aria-label', label);
    this.#button.replaceChildren(icon(isEditing ? 'check' : 'pencil'), isEditing ? 'Save' : 'Edit');
  }

  #setText(text: string): void {
    if (this.#field.value === text) return;
    this.#field.value = text;
    this.#fit();
  }

  #fit(): void {
    if (sizesItself) return;
    this.#field.style.setProperty('height', 'auto');
    this.#field.style.setProperty('height', `${this.#field.scrollHeight}px`);
  }
}

function tagOf({ name, colour, connectionId }: Person): HTMLLIElement {
  const tag = element('li', { class: 'tag', 'data-testid': 'place', 'data-connection': connectionId }, name);
  tag.style.setProperty('--person', colour);
  return tag;
}
