import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { Action, type ProtocolMessage } from '@parvis/protocol';

/** What a request was answered with. */
export interface CometAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

const BOUND_MS = 10_000;

/** A client that polls, or reads a stream, and keeps all messages that come, in order. */
export class CometClient {
  readonly url: string;
  readonly received: ProtocolMessage[] = [];
  /** Answers of polls, each with the messages it held. */
  readonly polls: ProtocolMessage[][] = [];
  /** Credentials that it shows with each request after the first. */
  credentials: Record<string, string>;
  connectionKey = '';
  msgSerial = 0;
  readonly #agent = new Agent({ keepAlive: true });
  #waiting: (() => void)[] = [];
  #polling = false;

  constructor(url: string, query: Record<string, string>) {
    this.url = url;
    const { key, access_token } = query;
    this.credentials = {
      ...(key === undefined ? {} : { key }),
      ...(access_token === undefined ? {} : { access_token }),
    };
  }

  /** Connects; resolves with the first message, and keeps receiving if that is CONNECTED, unless told not to. */
  static async connect(url: string, query: Record<string, string>, poll = true): Promise<CometClient> {
    const client = new CometClient(url, query);
    const first = client.ask('GET', 'connect', { v: '6', stream: 'false', ...query }, undefined, true);
    first.catch(() => {});
    await client.until('an answer to connect', () => client.received.length > 0);
    client.connectionKey = client.received[0]?.connectionDetails?.connectionKey ?? '';
    if (poll && client.connectionKey !== '') {
      client.#polling = true;
      first.then(() => client.#pollOn()).catch(() => {});
    }
    return client;
  }

  /** Receives once. */
  recv(credentials = this.credentials): Promise<CometAnswer> {
    return this.ask('GET', `${this.connectionKey}/recv`, credentials, undefined, true);
  }

  /** Resolves once a receiver is open, with what it will be answered with: of two, the one that came first is answered. */
  async receiving(): Promise<{ readonly answer: Promise<CometAnswer> }> {
    const both = [this.recv(), this.recv()] as const;
    const first = await Promise.race(both.map((each, at) => each.then(() => at)));
    const answer = first === 0 ? both[1] : both[0];
    answer.catch(() => {});
    return { answer };
  }

  send(...messages: ProtocolMessage[]): Promise<CometAnswer> {
    return this.sendRaw(JSON.stringify(messages));
  }

  sendRaw(body: string | Buffer, credentials = this.credentials): Promise<CometAnswer> {
    return this.ask('POST', `${this.connectionKey}/send`, credentials, body);
  }

  close(): Promise<CometAnswer> {
    return this.ask('GET', `${this.connectionKey}/close`, this.credentials);
  }

  disconnect(): Promise<CometAnswer> {
    return this.ask('GET', `${this.connectionKey}/disconnect`, this.credentials);
  }

  publish(channel: string, ...data: string[]): Promise<CometAnswer> {
    const messages = data.map((text) => ({ data: text }));
    return this.send({ action: Action.MESSAGE, channel, msgSerial: this.msgSerial++, messages });
  }

  /** Stops receiving once the present request is answered. */
  rest(): void {
    this.#polling = false;
  }

  /** Breaks all requests. */
  cut(): void {
    this.#polling = false;
    this.#agent.destroy();
  }

  all(action: number): ProtocolMessage[] {
    return this.received.filter((message) => message.action === action);
  }

  /** The next message with this action, or one that has come already. */
  async message(action: number): Promise<ProtocolMessage> {
    await this.until(`a message with action ${action}`, () => this.all(action).length > 0);
    return this.all(action)[0] as ProtocolMessage;
  }

  /** Data of the messages that have come on a channel. */
  data(channel: string): unknown[] {
    return this.all(Action.MESSAGE)
      .filter((frame) => frame.channel === channel)
      .flatMap(({ messages = [] }) => messages.map(({ data }) => data));
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const limit = Date.now() + BOUND_MS;
    while (!holds()) {
      await new Promise<void>((resolve, reject) => {
        const late = () => reject(new Error(`${what} did not come; got ${JSON.stringify(this.received.slice(-5))}`));
        const timer = setTimeout(late, limit - Date.now());
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** One request under `/comet/`; rejects when the connection breaks. With `keep` messages are kept as they come. */
  async ask(
    method: string,
    path: string,
    query: Record<string, string>,
    body?: string | Buffer,
    keep = false,
  ): Promise<CometAnswer> {
    const asked = request(`${this.url}/comet/${path}?${new URLSearchParams(query)}`, {
      method,
      agent: this.#agent,
      headers:
        body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    });
    asked.end(body);
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.setEncoding('utf8');
    let text = '';
    let taken = 0;
    response.on('data', (piece: string) => {
      text += piece;
      for (let end = text.indexOf('\n', taken); keep && end >= 0; end = text.indexOf('\n', taken)) {
        this.#take(text.slice(taken, end));
        taken = end + 1;
      }
    });
    await once(response, 'end');
    if (keep && taken < text.length) this.#take(text.slice(taken));
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  }

  async #pollOn(): Promise<void> {
    while (this.#polling) {
      const { status } = await this.recv().catch(() => ({ status: 0 }));
      if (status !== 200) this.#polling = false;
    }
  }

  #take(text: string): void {
    const messages: unknown = JSON.parse(text);
    if (!Array.isArray(messages)) return;
    this.polls.push(messages);
    this.received.push(...messages);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
