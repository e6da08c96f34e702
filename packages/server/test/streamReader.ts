import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { onTestFinished } from 'vitest';

/** One event of a stream, its data as text. */
export interface StreamedEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: string;
}

const BOUND_MS = 10_000;

/** Reads a stream of events, as an EventSource or a reader of lines would, and keeps all that has come. */
export class StreamReader {
  readonly events: StreamedEvent[] = [];
  /** Comments and empty lines. */
  keepalives = 0;
  readonly response: IncomingMessage;
  readonly closed: Promise<void>;
  text = '';
  #rest = '';
  #waiting: (() => void)[] = [];
  #isClosed = false;

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#take(text));
    response.on('error', () => {});
    this.closed = new Promise((resolve) => {
      response.on('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Asks; resolves once there are headers. The stream is left when the test is over. */
  static async open(url: string, path: string, headers: Record<string, string> = {}): Promise<StreamReader> {
    const asked = request(`${url}${path}`, { headers, agent: false });
    asked.on('error', () => {});
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    onTestFinished(() => void asked.destroy());
    return new StreamReader(response);
  }

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  /** Data of the events of a name. */
  data(event = 'message'): string[] {
    return this.events.filter((each) => each.event === event).map(({ data }) => data);
  }

  /** Waits until something holds, looking whenever more has come. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const limit = Date.now() + BOUND_MS;
    while (!holds()) {
      if (this.#isClosed)
        throw new Error(`${what} did not come before the end; got ${JSON.stringify(this.events.slice(-5))}`);
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${what} did not come`)), limit - Date.now());
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Waits for so many events of a name, and gives their data. */
  async some(count: number, event = 'message'): Promise<string[]> {
    await this.until(`${count} events of ${event}`, () => this.data(event).length >= count);
    return this.data(event);
  }

  /** The whole body of a refusal. */
  async body(): Promise<{ error?: { code: number; statusCode: number } }> {
    await this.closed;
    return JSON.parse(this.text);
  }

  /** Leaves. */
  leave(): Promise<void> {
    this.response.destroy();
    return this.closed;
  }

  #take(text: string): void {
    this.text += text;
    this.#rest += text;
    if (this.response.headers['content-type'] === 'text/event-stream') this.#takeEvents();
    else this.#takeLines();
    this.#wake();
  }

  #takeEvents(): void {
    const blocks = this.#rest.split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => /^([a-z]*): ?(.*)$/.exec(line) ?? []);
      const of = (name: string) => fields.filter(([, field]) => field === name).map(([, , value = '']) => value);
      const [id] = of('id');
      const [event = 'message'] = of('event');
      if (of('data').length === 0) this.keepalives += 1;
      else this.events.push({ ...(id === undefined ? {} : { id }), event, data: of('data').join('\n') });
    }
  }

  #takeLines(): void {
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') this.keepalives += 1;
      else {
        const { id, event, data } = JSON.parse(line);
        this.events.push({ ...(id === undefined ? {} : { id }), event, data: JSON.stringify(data) ?? '' });
      }
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
