import { InvalidArgumentError } from './errors.ts';

/** `this` of a listener that is not an arrow function. */
export interface EventListenerThis<K> {
  event: K;
}

/** A listener for the events `K` of the event map `T`. */
export type EventListener<T, K extends keyof T> = (this: EventListenerThis<K>, param: T[K]) => void;

/** `signal` ends the subscription when it aborts. */
export interface SubscribeOptions {
  signal?: AbortSignal | undefined;
}

/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void;

type Callback = (this: { event: string }, payload: unknown) => void;

interface Entry {
  event: string | null;
  listener: Callback;
  once: boolean;
}

const isFunction = (value: unknown): value is Callback => typeof value === 'function';
const isName = (value: unknown): value is string => typeof value === 'string';
// Once before always, listeners of any event before those of one.
const rank = ({ event, once }: Entry): number => (event === null ? 0 : 2) + (once ? 0 : 1);

/**
 * Emits named events to listeners, synchronously: any-once, any, named-once, named, each in order of addition. A
 * listener that throws is logged and the rest still run. `T` maps event names to payloads; events of `Q` reach only
 * those who name them.
 */
export class EventEmitter<T, Q = Record<never, never>> {
  #entries: readonly Entry[] = [];

  readonly #label: string;

  /** @internal `label` is the class name that errors show. */
  constructor(label: string) {
    this.#label = label;
  }

  /** Listens to the named events, or to all. Returns the undo. Throws InvalidArgumentError. */
  on<K extends keyof T>(
    events: K | readonly K[],
    listener: EventListener<T, K>,
    options?: SubscribeOptions,
  ): Unsubscribe;
  on(listener: EventListener<T, keyof T>, options?: SubscribeOptions): Unsubscribe;
  on<K extends keyof Q>(event: K, listener: EventListener<Q, K>, options?: SubscribeOptions): Unsubscribe;
  on(...args: unknown[]): Unsubscribe {
    return this.#add('on', args, false);
  }

  /** Listens to one event, or to whichever comes first, a single time. */
  once<K extends keyof T>(event: K, listener: EventListener<T, K>, options?: SubscribeOptions): Unsubscribe;
  once(listener: EventListener<T, keyof T>, options?: SubscribeOptions): Unsubscribe;
  once<K extends keyof Q>(event: K, listener: EventListener<Q, K>, options?: SubscribeOptions): Unsubscribe;
  once(...args: unknown[]): Unsubscribe {
    if (Array.isArray(args[0])) throw this.#invalid('once', args);
    return this.#add('once', args, true);
  }

  /** Ends listening: without arguments every listener goes, else those of the names, the listener, or both. */
  off<K extends keyof T>(events: K | readonly K[], listener?: EventListener<T, K>): void;
  off(listener?: EventListener<T, keyof T>): void;
  off<K extends keyof Q>(event: K, listener?: EventListener<Q, K>): void;
  off(...args: unknown[]): void {
    this.#remove('off', args);
  }

  /** As {@link on}. */
  subscribe<K extends keyof T>(
    events: K | readonly K[],
    listener: EventListener<T, K>,
    options?: SubscribeOptions,
  ): Unsubscribe;
  subscribe(listener: EventListener<T, keyof T>, options?: SubscribeOptions): Unsubscribe;
  subscribe<K extends keyof Q>(event: K, listener: EventListener<Q, K>, options?: SubscribeOptions): Unsubscribe;
  subscribe(...args: unknown[]): Unsubscribe {
    const undo = this.#add('subscribe', args, false);
    this.onSubscribed();
    return undo;
  }

  /** As {@link off}. */
  unsubscribe<K extends keyof T>(events: K | readonly K[], listener?: EventListener<T, K>): void;
  unsubscribe(listener?: EventListener<T, keyof T>): void;
  unsubscribe<K extends keyof Q>(event: K, listener?: EventListener<Q, K>): void;
  unsubscribe(...args: unknown[]): void {
    this.#remove('unsubscribe', args);
  }

  /** The listeners of one event (without a name: those of all events), or null. */
  listeners(event?: keyof T | keyof Q): EventListener<T, keyof T>[] | null {
    const found = this.#entries.filter((entry) => entry.event === (event ?? null) && (event || !entry.once));
    return found.length
      ? found.sort((a, b) => rank(b) - rank(a)).map((entry) => entry.listener as EventListener<T, keyof T>)
      : null;
  }

  /** @internal Whether anybody listens to this event (or, without one, to anything). */
  hasListeners(event?: keyof T | keyof Q): boolean {
    return this.#entries.some((entry) => !event || entry.event === event || entry.event === null);
  }

  /** @internal */
  emit<K extends keyof T>(event: K, payload: T[K]): void {
    this.#deliver(event as string, payload, null);
  }

  /** @internal Emits to those only who named the event. */
  emitNamed<K extends keyof Q>(event: K, payload: Q[K]): void {
    this.#deliver(event as string, payload, event as string);
  }

  /** @internal Runs after each `subscribe`. */
  protected onSubscribed(): void {}

  /** @internal Runs after listeners went, however they went. */
  protected onDropped(): void {}

  #deliver(event: string, payload: unknown, orTo: string | null): void {
    const due = this.#entries.filter((entry) => entry.event === event || entry.event === orTo);
    this.#drop((entry) => entry.once && due.includes(entry));
    for (const { listener } of due.sort((a, b) => rank(a) - rank(b))) {
      try {
        listener.call({ event }, payload);
      } catch (error) {
        console.error(`${this.#label}: a listener of "${event}" threw`, error);
      }
    }
  }

  #add(method: string, args: unknown[], once: boolean): Unsubscribe {
    const { events = [null], listener, options } = this.#read(method, args);
    if (!listener) throw this.#invalid(method, args);
    const { signal } = (options ?? {}) as SubscribeOptions;
    if (signal?.aborted) return () => {};
    const added = events.map((event) => ({ event, listener, once }));
    this.#entries = [...this.#entries, ...added];
    const undo = () => this.#drop((entry) => added.includes(entry));
    signal?.addEventListener('abort', undo, { once: true });
    return undo;
  }

  #remove(method: string, args: unknown[]): void {
    const { events, listener } = this.#read(method, args);
    this.#drop((entry) => (!events || events.includes(entry.event)) && (!listener || entry.listener === listener));
  }

  /** The arguments `[name or names], [listener], [options]` of every method here. */
  #read(method: string, args: unknown[]) {
    const [first] = args;
    const events = isFunction(first) || !first ? undefined : ([first].flat() as (string | null)[]);
    const [listener, options] = isFunction(first) ? args : args.slice(1);
    const isValid = events ? events.every(isName) : isFunction(first) || !listener;
    if (!isValid || (listener !== undefined && !isFunction(listener))) throw this.#invalid(method, args);
    return { events, listener, options };
  }

  #drop(gone: (entry: Entry) => boolean): void {
    const dropped = this.#entries.filter(gone);
    if (!dropped.length) return;
    this.#entries = this.#entries.filter((entry) => !dropped.includes(entry));
    this.onDropped();
  }

  #invalid(method: string, args: unknown[]): InvalidArgumentError {
    return new InvalidArgumentError(`${this.#label}.${method}(): Invalid arguments: ${args.map((arg) => typeof arg)}`);
  }
}
