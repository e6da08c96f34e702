import type { CursorUpdate, Space } from '@parvis/spaces';
import { type Box, boardAnchor, partOf, pointIn } from './anchor.ts';
import { element } from './element.ts';
import { glide, type Point } from './glide.ts';
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
  anchor: string;
  place: Point;
  at: Point | null;
  quiet: ReturnType<typeof setTimeout> | undefined;
}

/** ms without a move after which a cursor fades. */
const quietMs = 6_000;

/** The live cursors of the others, and the sending of one's own. */
export class Cursors {
  readonly #layer = element('div', { class: 'cursors', 'aria-hidden': 'true' });
  readonly #shown = new Map<string, Shown>();
  readonly #reduced = matchMedia('(prefers-reduced-motion: reduce)');
  #people: readonly Person[] = [];
  #frame = 0;
  #lastFrame = 0;

  constructor(
    private readonly space: Space,
    private readonly board: CursorGround,
  ) {
    board.ground.append(this.#layer);
    space.cursors.subscribe('update', (update) => this.#take(update));
    board.ground.addEventListener('pointermove', (event) => this.#send(event, 'here'));
    board.ground.addEventListener('pointerleave', (event) => this.#send(event, 'gone'));
    board.ground.addEventListener('pointercancel', (event) => this.#send(event, 'gone'));
    new ResizeObserver(() => this.#wake()).observe(board.ground);
  }

  /** Takes in who is there: a cursor lives no longer than its person is here. */
  show(people: readonly Person[]): void {
    this.#people = people;
    for (const [connectionId, cursor] of this.#shown) {
      const person = this.#personOf(connectionId);
      if (person) dress(cursor, person);
      else this.#remove(connectionId, cursor);
    }
  }

  #send(event: PointerEvent, state: 'here' | 'gone'): void {
    const card = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-card]') : null;
    const box = (card ?? this.board.ground).getBoundingClientRect();
    const position = partOf(box, { x: event.clientX, y: event.clientY });
    // Outside the space nobody is told, which is no failure here.
    this.space.cursors.set({ position, data: { anchor: card?.dataset.card ?? boardAnchor, state } }).catch(() => {});
  }

  #take({ connectionId, position, data }: CursorUpdate): void {
    const person = this.#personOf(connectionId);
    if (!person) return;
    const cursor = this.#shown.get(connectionId) ?? this.#add(connectionId, person);
    clearTimeout(cursor.quiet);
    const isHere = data?.state !== 'gone';
    cursor.element.classList.toggle('quiet', !isHere);
    if (!isHere) return;
    cursor.anchor = typeof data?.anchor === 'string' ? data.anchor : boardAnchor;
    cursor.place = position;
    cursor.quiet = setTimeout(() => cursor.element.classList.add('quiet'), quietMs);
    this.#wake();
  }

  #personOf(connectionId: string): Person | undefined {
    return this.#people.find((one) => one.connectionId === connectionId && !one.isSelf && one.presence === 'here');
  }

  #add(connectionId: string, person: Person): Shown {
    const label = element('span', { class: 'name' });
    const made = element(
      'div',
      { class: 'cursor', 'data-testid': 'cursor', 'data-connection': connectionId },
      arrow(),
      label,
    );
    const cursor: Shown = {
      element: made,
      label,
      anchor: boardAnchor,
      place: { x: 0, y: 0 },
      at: null,
      quiet: undefined,
    };
    dress(cursor, person);
    this.#shown.set(connectionId, cursor);
    this.#layer.append(made);
    return cursor;
  }

  #remove(connectionId: string, cursor: Shown): void {
    clearTimeout(cursor.quiet);
    cursor.element.remove();
    this.#shown.delete(connectionId);
  }

  #wake(): void {
    if (this.#frame || !this.#shown.size) return;
    this.#lastFrame = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#step(now));
  }

  #step(now: number): void {
    const elapsed = now - this.#lastFrame;
    this.#lastFrame = now;
    const layer = this.#layer.getBoundingClientRect();
    const moves = [...this.#shown.values()].map((cursor) => ({ cursor, to: this.#target(cursor, layer) }));
    let isMoving = false;
    for (const { cursor, to } of moves) {
      cursor.at = cursor.at && !this.#reduced.matches ? glide(cursor.at, to, elapsed) : to;
      isMoving ||= cursor.at !== to;
      cursor.element.style.setProperty('transform', `translate(${cursor.at.x}px, ${cursor.at.y}px)`);
      cursor.element.classList.toggle('leftwards', cursor.at.x > layer.width - 140);
    }
    this.#frame = isMoving ? requestAnimationFrame((next) => this.#step(next)) : 0;
  }

  #target({ anchor, place }: Shown, layer: Box): Point {
    const box = (this.board.elementOf(anchor) ?? this.board.ground).getBoundingClientRect();
    const point = pointIn(box, place);
    return { x: point.x - layer.left, y: point.y - layer.top };
  }
}

function dress({ element: made, label }: Shown, { name, colour }: Person): void {
  made.style.setProperty('--person', colour);
  if (label.textContent !== name) label.textContent = name;
}
