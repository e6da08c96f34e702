import type { Space } from '@parvis/spaces';
import { CursorPlayback, type PlayedCursor } from '@parvis/spaces/playback';
import { boardAnchor, partOf, pointIn } from './anchor.ts';
import { element } from './element.ts';
import { arrow } from './icon.ts';
import type { Person } from './person.ts';

/** Where cursors are drawn, and what they can be at. */
export interface CursorGround {
  readonly ground: HTMLElement;
  elementOf(card: string): HTMLElement | undefined;
}

interface Shown {
  readonly element: HTMLElement;
  readonly label: HTMLElement;
}

const anchorOf = (data: object | undefined): string => {
  const { anchor } = (data ?? {}) as { anchor?: unknown };
  return typeof anchor === 'string' ? anchor : boardAnchor;
};

/** The live cursors of the others, and the sending of one's own. */
export class Cursors {
  readonly #layer = element('div', { class: 'cursors', 'aria-hidden': 'true' });
  readonly #shown = new Map<string, Shown>();
  readonly #playback: CursorPlayback;
  #people: readonly Person[] = [];

  constructor(
    private readonly space: Space,
    private readonly board: CursorGround,
  ) {
    board.ground.append(this.#layer);
    this.#playback = new CursorPlayback(space, { surfaceOf: anchorOf });
    this.#playback.subscribe(() => this.#draw());
    board.ground.addEventListener('pointermove', (event) => this.#send(event, 'here'));
    board.ground.addEventListener('pointerleave', (event) => this.#send(event, 'gone'));
    board.ground.addEventListener('pointercancel', (event) => this.#send(event, 'gone'));
    new ResizeObserver(() => this.#draw()).observe(board.ground);
  }

  /** Takes in who is there: a cursor lives no longer than its person is here. */
  show(people: readonly Person[]): void {
    this.#people = people;
    this.#draw();
  }

  #send(event: PointerEvent, state: 'here' | 'gone'): void {
    const card = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-card]') : null;
    const box = (card ?? this.board.ground).getBoundingClientRect();
    const position = partOf(box, { x: event.clientX, y: event.clientY });
    // Outside the space nobody is told, which is no failure here.
    this.space.cursors.set({ position, data: { anchor: card?.dataset.card ?? boardAnchor, state } }).catch(() => {});
  }

  #personOf(connectionId: string): Person | undefined {
    return this.#people.find((one) => one.connectionId === connectionId && !one.isSelf && one.presence === 'here');
  }

  #add(connectionId: string): Shown {
    const label = element('span', { class: 'name' });
    const made = element(
      'div',
      { class: 'cursor', 'data-testid': 'cursor', 'data-connection': connectionId },
      arrow(),
      label,
    );
    const cursor: Shown = { element: made, label };
    this.#shown.set(connectionId, cursor);
    this.#layer.append(made);
    return cursor;
  }

  /** All of them, where they are now. */
  #draw(): void {
    const layer = this.#layer.getBoundingClientRect();
    const gone = new Set(this.#shown.keys());
    // Where they are is read before anything is moved, so that the page is laid out once.
    const moves = this.#playback.cursors.map((played) => ({ played, at: this.#place(played) }));
    for (const { played, at } of moves) {
      const person = this.#personOf(played.connectionId);
      if (!person) continue;
      gone.delete(played.connectionId);
      const cursor = this.#shown.get(played.connectionId) ?? this.#add(played.connectionId);
      dress(cursor, person);
      const x = at.x - layer.left;
      cursor.element.style.setProperty('transform', `translate(${x}px, ${at.y - layer.top}px)`);
      cursor.element.classList.toggle('leftwards', x > layer.width - 140);
      cursor.element.classList.toggle('quiet', played.opacity < 1 || played.data?.state === 'gone');
    }
    for (const connectionId of gone) {
      this.#shown.get(connectionId)?.element.remove();
      this.#shown.delete(connectionId);
    }
  }

  #place({ position, data }: PlayedCursor): { x: number; y: number } {
    const box = (this.board.elementOf(anchorOf(data)) ?? this.board.ground).getBoundingClientRect();
    return pointIn(box, position);
  }
}

function dress({ element: made, label }: Shown, { name, colour }: Person): void {
  made.style.setProperty('--person', colour);
  if (label.textContent !== name) label.textContent = name;
}
