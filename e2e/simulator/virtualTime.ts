const real = { setImmediate: globalThis.setImmediate };

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What a timer of the virtual clock is handed out as. */
class Handle {
  constructor(readonly timer: Timer) {}
  unref(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  hasRef(): boolean {
    return false;
  }
  [Symbol.toPrimitive](): number {
    return this.timer.order;
  }
}

/**
 * Time of a whole process: while installed, timers, `Date.now` and `Math.random` are its own, so that code which knows of no
 * clock runs as fast as it can be computed. Between two timers all promises have their turn.
 */
export class VirtualTime {
  now = 1_735_689_600_000;
  #timers: Timer[] = [];
  #live = new Set<Timer>();
  #order = 0;
  #undo: (() => void)[] = [];

  install(random: () => number): void {
    const put = <K extends keyof typeof globalThis>(name: K, value: unknown) => this.#put(globalThis, name, value);
    put('setTimeout', (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      this.#add(ms, () => run(...args)),
    );
    put('setImmediate', (run: (...args: unknown[]) => void, ...args: unknown[]) => this.#add(0, () => run(...args)));
    put('setInterval', (run: () => void, ms = 1) => this.#repeat(run, Math.max(ms, 1)));
    for (const name of ['clearTimeout', 'clearImmediate', 'clearInterval'] as const) {
      put(name, (handle?: Handle) => handle?.timer && this.#live.delete(handle.timer));
    }
    this.#put(Date, 'now', () => this.now);
    this.#put(Math, 'random', random);
  }

  restore(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
    this.#live.clear();
    this.#timers = [];
  }

  /** Runs what is due within this many ms, each at its own time. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await turn();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.now = next.at;
      next.run();
      await turn();
    }
    this.now = end;
  }

  /** After so many ms of this clock. */
  after(ms: number, run: () => void): void {
    this.#add(ms, run);
  }

  #add(ms: number, run: () => void): Handle {
    const timer = { at: this.now + Math.max(0, Number(ms) || 0), order: ++this.#order, run };
    this.#live.add(timer);
    let at = this.#timers.length;
    // Sorted from last to first, so that the next one is popped; most timers are near.
    while (at > 0 && isBefore(this.#timers[at - 1], timer)) at -= 1;
    this.#timers.splice(at, 0, timer);
    return new Handle(timer);
  }

  #repeat(run: () => void, ms: number): { timer: Timer } & Pick<Handle, 'unref' | 'ref'> {
    let current = this.#add(ms, () => tick());
    const handle = {
      get timer() {
        return current.timer;
      },
      unref: () => handle,
      ref: () => handle,
    };
    const tick = () => {
      current = this.#add(ms, tick);
      run();
    };
    return handle as unknown as { timer: Timer } & Pick<Handle, 'unref' | 'ref'>;
  }

  #next(end: number): Timer | undefined {
    for (let next = this.#timers.at(-1); next && next.at <= end; next = this.#timers.at(-1)) {
      this.#timers.pop();
      if (this.#live.delete(next)) return next;
    }
    return undefined;
  }

  #put(holder: object, name: string, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(holder, name);
    Object.defineProperty(holder, name, { value, configurable: true, writable: true });
    this.#undo.push(() => before && Object.defineProperty(holder, name, before));
  }
}

function isBefore(a: Timer | undefined, b: Timer): boolean {
  return a !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
}

const turn = () => new Promise<void>((resolve) => real.setImmediate(resolve));
