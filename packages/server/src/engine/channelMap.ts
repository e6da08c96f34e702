import type { ChannelRef } from './engine.ts';

/** Something per channel. App and name are keys of their own, so no choice of names makes two apps meet. */
export class ChannelMap<T> {
  readonly #apps = new Map<string, Map<string, T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(channel: ChannelRef): T | undefined {
    return this.#apps.get(channel.app)?.get(channel.name);
  }

  set(channel: ChannelRef, value: T): void {
    let names = this.#apps.get(channel.app);
    if (names === undefined) {
      names = new Map();
      this.#apps.set(channel.app, names);
    }
    const before = names.size;
    names.set(channel.name, value);
    this.#size += names.size - before;
  }

  delete(channel: ChannelRef): void {
    const names = this.#apps.get(channel.app);
    if (names?.delete(channel.name) !== true) return;
    this.#size -= 1;
    if (names.size === 0) this.#apps.delete(channel.app);
  }

  /** All values. The map may change while one goes through: what is added meanwhile may or may not come up. */
  *values(): Generator<T, void> {
    for (const names of this.#apps.values()) yield* names.values();
  }
}
