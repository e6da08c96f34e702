import type { MessageLike } from './client.ts';
import { circleOf, VIEW_KEY, type View, type Viewport, viewCursor, viewOf } from './followView.ts';
import { sameJson } from './json.ts';
import type { Space } from './space.ts';
import type { SpaceTypes } from './types.ts';
import { cursorEvent, parseKeyed } from './wire.ts';

export type { Viewport } from './followView.ts';

/** Why following ended: told to, own input, the leader went, all would have gone round in a circle, or somebody else is followed. */
export type FollowEnd = 'stopped' | 'input' | 'left' | 'circle' | 'replaced';

/** Who follows whom, as far as this client is concerned. Never changed. */
export interface FollowState {
  /** The connection that is followed. */
  readonly leader: string | undefined;
  /** Why the last leader is followed no more. */
  readonly ended: FollowEnd | undefined;
  /** The connections that follow this one. */
  readonly followers: readonly string[];
  /** Whether everybody is asked to follow this one. */
  readonly isInSpotlight: boolean;
}

/** What following needs of the application. */
export interface FollowOptions {
  /** Shows the leader's viewport. That the page scrolls by it is no input. */
  show(viewport: Viewport, leader: string): void;
  /** Whether to follow somebody who gathers all or is in the spotlight. Default: always. */
  accept?: (connectionId: string, asked: 'gather' | 'spotlight') => boolean;
}

const NOBODY: View = { viewport: undefined, leader: undefined, spotlight: undefined, gather: undefined };
/** What a person does to look elsewhere. */
const INPUTS = ['wheel', 'pointerdown', 'touchstart', 'keydown'];
/** ms for which a call to gather stands, so that a message lost or late does not make it unheard. */
const GATHER_MS = 2_000;

/**
 * Following what somebody else sees, with spotlight and gather. Own input ends it, and so does the leader's leave.
 *
 * @example
 * const follow = new Follow(space, { show: ({ x, y }) => board.scrollTo(x, y) });
 * board.addEventListener('scroll', () => follow.see({ x: board.scrollLeft, y: board.scrollTop, width, height }));
 * follow.watch(board);
 * follow.follow(connectionId);
 */
export class Follow<T extends SpaceTypes = SpaceTypes> {
  private readonly views = new Map<string, View>();
  private readonly listeners = new Set<(state: FollowState) => void>();
  private readonly undo: (() => void)[] = [];
  private readonly heard = new Set<string>();
  private own = NOBODY;
  private ended: FollowEnd | undefined;
  private current: FollowState = { leader: undefined, ended: undefined, followers: [], isInSpotlight: false };
  private timer: ReturnType<typeof setTimeout> | undefined;
  private calls = 0;

  constructor(
    private readonly space: Space<T>,
    private readonly options: FollowOptions,
  ) {
    const { cursors, members } = space;
    const event = cursorEvent(VIEW_KEY);
    const listener = (message: MessageLike) => this.take(message);
    this.undo.push(
      // Who does not listen to cursors is not in their presence, and is told nothing.
      cursors.subscribe('message', () => {}),
      members.subscribe('enter', ({ connectionId }) => this.isOwn(connectionId) && this.announce()),
      members.subscribe(['leave', 'remove'], ({ connectionId }) => this.lose(connectionId)),
    );
    const { channel } = cursors;
    // A refusal is told by the cursors themselves.
    channel?.subscribe(event, listener).catch(() => {});
    this.undo.push(() => channel?.unsubscribe(event, listener));
    this.announce();
  }

  /** Who follows whom; the same object until something changes. */
  get state(): FollowState {
    return this.current;
  }

  /** Calls back when the state changed. Returns the undo. */
  subscribe(listener: (state: FollowState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tells what this client sees now. */
  see(viewport: Viewport): void {
    this.say({ viewport });
  }

  /** Follows a connection. False if that is oneself or somebody who follows oneself, over others too. */
  follow(connectionId: string): boolean {
    const { connectionId: own } = this.space;
    if (!own || circleOf(own, (id) => (id === own ? connectionId : this.views.get(id)?.leader)).length) return false;
    this.ended = this.own.leader && this.own.leader !== connectionId ? 'replaced' : undefined;
    this.say({ leader: connectionId, spotlight: undefined, gather: undefined });
    this.showLeader();
    return true;
  }

  /** Follows nobody. */
  stop(): void {
    this.end('stopped');
  }

  /** The person did something to look elsewhere. */
  input(): void {
    this.end('input');
  }

  /** Takes what a person does with the wheel, a pointer or the keyboard there as {@link input}. Returns the undo. */
  watch(target: EventTarget): () => void {
    const listener = () => this.input();
    for (const name of INPUTS) target.addEventListener(name, listener, { passive: true });
    const undo = () => {
      for (const name of INPUTS) target.removeEventListener(name, listener);
    };
    this.undo.push(undo);
    return undo;
  }

  /** Asks all to follow this client, those who come later too; or ends it, and they are free. */
  spotlight(isOn = true): void {
    if (isOn) this.end('replaced');
    this.say({ spotlight: isOn ? this.call() : undefined });
  }

  /** Asks all who are here to follow this client from now on. */
  gather(): void {
    this.end('replaced');
    this.say({ gather: this.call() });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say({ gather: undefined }), GATHER_MS);
  }

  /** Follows nobody and listens no more. */
  dispose(): void {
    this.end('stopped');
    this.listeners.clear();
    clearTimeout(this.timer);
    for (const undo of this.undo.splice(0)) undo();
  }

  private isOwn(connectionId: string): boolean {
    return connectionId === this.space.connectionId;
  }

  private call(): string {
    this.calls += 1;
    return `${this.space.connectionId}:${this.calls}`;
  }

  private end(ended: FollowEnd): void {
    if (!this.own.leader) return;
    this.ended = ended;
    this.say({ leader: undefined });
  }

  private say(change: Partial<View>): void {
    this.own = { ...this.own, ...change };
    this.announce();
    this.renew();
  }

  private announce(): void {
    const { position, data } = viewCursor(this.own);
    // Outside the space nobody is told; at the entry all are.
    this.space.cursors.set({ key: VIEW_KEY, position, data: data as never }).catch(() => {});
  }

  private take({ connectionId, data }: MessageLike): void {
    const points = parseKeyed(data);
    const last = points[points.length - 1];
    if (!last || !connectionId || this.isOwn(connectionId)) return;
    const isNew = !this.views.has(connectionId);
    const before = this.views.get(connectionId) ?? NOBODY;
    const view = viewOf(last.cursor);
    this.views.set(connectionId, view);
    if (isNew) this.announce();
    this.leaveCircle();
    if (this.own.leader === connectionId) {
      if (before.spotlight && !view.spotlight) this.end('stopped');
      else if (!sameJson(before.viewport, view.viewport)) this.showLeader();
    }
    this.obey(connectionId, view);
    this.renew();
  }

  /** Two may begin to follow each other at the same time: one of the circle, for all the same one, gives way. */
  private leaveCircle(): void {
    const own = this.space.connectionId;
    if (!own || !this.own.leader) return;
    const circle = circleOf(own, (id) => (id === own ? this.own.leader : this.views.get(id)?.leader));
    if (circle.length && circle.every((id) => id >= own)) this.end('circle');
  }

  private obey(connectionId: string, { spotlight, gather }: View): void {
    for (const [asked, call] of [
      ['spotlight', spotlight],
      ['gather', gather],
    ] as const) {
      // Each call is heard once: who looked elsewhere since is not fetched again.
      if (!call || this.heard.has(call)) continue;
      this.remember(call);
      if (this.own.leader !== connectionId && (this.options.accept?.(connectionId, asked) ?? true))
        this.follow(connectionId);
    }
  }

  private remember(call: string): void {
    this.heard.add(call);
    const [oldest] = this.heard;
    if (this.heard.size > 1_000 && oldest) this.heard.delete(oldest);
  }

  private lose(connectionId: string): void {
    this.views.delete(connectionId);
    if (this.own.leader === connectionId) this.end('left');
    else this.renew();
  }

  private showLeader(): void {
    const { leader } = this.own;
    const viewport = leader ? this.views.get(leader)?.viewport : undefined;
    if (leader && viewport) this.options.show(viewport, leader);
  }

  private renew(): void {
    const own = this.space.connectionId;
    const followers = [...this.views].filter(([, { leader }]) => leader && leader === own).map(([id]) => id);
    const { leader, spotlight } = this.own;
    const next: FollowState = {
      leader,
      ended: leader ? undefined : this.ended,
      followers,
      isInSpotlight: Boolean(spotlight),
    };
    if (sameJson(next, this.current)) return;
    this.current = next;
    for (const listener of [...this.listeners]) listener(next);
  }
}
