import type { Entry, Row, Sink } from './engine.ts';

/** A sink while it has joined one channel. */
export interface Listener {
  readonly sink: Sink;
  joined: boolean;
}

/**
 * Tells sinks what happened, one thing at a time: what a sink sets off while it is being told waits until all others
 * have been told as well, so that every sink sees the same order.
 */
export class Delivery {
  readonly #report: (error: unknown) => void;
  #line: News[] = [];
  #telling = false;

  /** `report` gets what a sink throws, though none should. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  entry(listeners: readonly Listener[], entry: Entry): void {
    if (listeners.length > 0) this.#tell({ listeners, entry });
  }

  lapsed(listeners: readonly Listener[], rows: Row[]): void {
    if (listeners.length > 0) this.#tell({ listeners, rows });
  }

  #tell(news: News): void {
    if (this.#telling) {
      this.#line.push(news);
      return;
    }
    this.#telling = true;
    this.#tellAll(news);
    if (this.#line.length > 0) this.#tellWaiting();
    this.#telling = false;
  }

  #tellWaiting(): void {
    while (this.#line.length > 0) {
      const line = this.#line;
      this.#line = [];
      for (const news of line) this.#tellAll(news);
    }
  }

  #tellAll(news: News): void {
    for (const listener of news.listeners) {
      if (!listener.joined) continue;
      try {
        if ('entry' in news) listener.sink.entry(news.entry);
        else listener.sink.lapsed(news.rows);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}

type News = { readonly listeners: readonly Listener[] } & ({ readonly entry: Entry } | { readonly rows: Row[] });
