import type { RealtimeChannel } from 'ably';
import { accept, type BoardState, type CardText, parseCardText, written, writtenTexts } from './boardState.ts';

const event = 'card';
/** How far back a newcomer reads: enough for every card, and bounded on a board where much is written. */
const maxPages = 5;

/** What a board feed tells of. */
export interface BoardFeedEvents {
  changed(): void;
  /** What was written before could not be read. */
  failed(error: unknown): void;
}

/** The texts of the board, as messages on an ordinary channel of the space. */
export class BoardFeed {
  constructor(
    private readonly channel: RealtimeChannel,
    private board: BoardState,
    private readonly events: BoardFeedEvents,
  ) {}

  get texts(): BoardState {
    return this.board;
  }

  /** Listens, and reads what was written before; again after each loss of continuity. Resolves when it listens. */
  async start(): Promise<void> {
    this.channel.on(['attached', 'update'], ({ resumed }) => {
      if (!resumed) this.#read().catch((error) => this.events.failed(error));
    });
    await this.channel.subscribe(event, ({ data }) => this.#take(parseCardText(data)));
  }

  /** Shows a text at once and tells the others. Rejects as the client does. */
  async write(card: string, text: string, by: string): Promise<void> {
    const change = written(this.board, card, text, by);
    this.#take(change);
    await this.channel.publish(event, change);
  }

  /** Tells a newcomer what is written: the service keeps messages only for a while. */
  async repeat(): Promise<void> {
    const texts = writtenTexts(this.board);
    if (texts.length) await this.channel.publish(texts.map((data) => ({ name: event, data })));
  }

  async #read(): Promise<void> {
    let page = await this.channel.history({ limit: 100 });
    for (let count = 0; count < maxPages; count++) {
      for (const { name, data } of page.items) if (name === event) this.#take(parseCardText(data));
      const next = page.hasNext() ? await page.next() : null;
      if (!next) return;
      page = next;
    }
  }

  #take(text: CardText | null): void {
    const board = text ? accept(this.board, text) : this.board;
    if (board === this.board) return;
    this.board = board;
    this.events.changed();
  }
}
