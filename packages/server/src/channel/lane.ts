/** Runs asynchronous tasks one after the other, in the order they were given; a failed one does not stop the next. */
export class Lane {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task);
    this.#tail = result.catch(() => {});
    return result;
  }
}

/** Lanes by name, each there while it has something to run. */
export class Lanes {
  readonly #lanes = new Map<string, { readonly lane: Lane; running: number }>();

  /** Runs a task in the lane of this name. */
  async run<T>(name: string, task: () => Promise<T>): Promise<T> {
    let known = this.#lanes.get(name);
    if (known === undefined) {
      known = { lane: new Lane(), running: 0 };
      this.#lanes.set(name, known);
    }
    known.running += 1;
    try {
      return await known.lane.run(task);
    } finally {
      known.running -= 1;
      if (known.running === 0) this.#lanes.delete(name);
    }
  }

  /** Lanes with something to run. */
  get size(): number {
    return this.#lanes.size;
  }
}
