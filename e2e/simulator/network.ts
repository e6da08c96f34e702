import type { ProtocolMessage } from '@parvis/protocol';
import * as Ably from 'ably';
import type { Node } from '../../packages/server/src/node.ts';
import { FakeTransport } from '../../packages/server/test/harness.ts';
import type { VirtualTime } from './virtualTime.ts';

/** How a network behaves: ms of one way, as its seed has it. */
export interface Weather {
  delay(): number;
}

type Listener = ((event: { data?: string; code?: number; reason?: string; wasClean?: boolean }) => void) | undefined;

/** A socket as the official client uses one; frames keep their order, each after its own delay. */
class Socket {
  binaryType = 'arraybuffer';
  onopen: Listener;
  onclose: Listener;
  onmessage: Listener;
  onerror: Listener;
  isOver = false;
  transport: FakeTransport | undefined;
  #last = { up: 0, down: 0 };
  readonly #network: Network;
  readonly clientId: string;

  constructor(network: Network, uri: string) {
    this.#network = network;
    const { searchParams } = new URL(uri);
    this.clientId = searchParams.get('clientId') ?? '';
    network.sockets.add(this);
    this.#carry('up', () => this.#open(searchParams));
  }

  send(text: string): void {
    this.#carry('up', () => {
      if (!this.transport?.ended) this.transport?.events?.frame(Buffer.from(this.#network.upward(text)));
    });
  }

  close(): void {
    if (!this.isOver) this.#carry('up', () => this.cut());
  }

  /** Both ends lose each other; what is under way is gone. */
  cut(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#network.sockets.delete(this);
    if (this.transport && !this.transport.ended) {
      this.transport.ended = true;
      this.transport.events?.closed();
    }
    this.onclose?.({ code: 1006, reason: 'cut', wasClean: false });
  }

  #open(query: URLSearchParams): void {
    const transport = new FakeTransport((message) => this.#down(message));
    this.transport = transport;
    this.#network.node.accept(transport, query, true);
    this.#carry('down', () => this.onopen?.({}));
    const close = transport.close.bind(transport);
    transport.close = () => {
      close();
      this.#carry('down', () => this.cut());
    };
  }

  #down(message: ProtocolMessage): void {
    const text = this.#network.downward(JSON.stringify(message));
    this.#carry('down', () => this.onmessage?.({ data: text }));
  }

  #carry(way: 'up' | 'down', arrive: () => void): void {
    const { time, weather } = this.#network;
    const held = this.#network.heldUntil.get(this.clientId) ?? 0;
    const pause = way === 'up' ? this.#network.pausedUntil : 0;
    const at = Math.max(time.now + weather.delay(), this.#last[way], held, pause);
    this.#last[way] = at;
    time.after(at - time.now, () => {
      if (!this.isOver) arrive();
    });
  }
}

/** The network between official clients and one node, in virtual time. */
export class Network {
  readonly sockets = new Set<Socket>();
  /** Clients whose frames are held back until this time. */
  readonly heldUntil = new Map<string, number>();
  /** The node reads nothing until this time. */
  pausedUntil = 0;
  upward = (text: string): string => text;
  downward = (text: string): string => text;

  constructor(
    readonly time: VirtualTime,
    readonly node: Node,
    readonly weather: Weather,
  ) {}

  /** Puts this network under the official client until the result is called. */
  install(): () => void {
    const { Config } = (Ably.Realtime as unknown as { Platform: { Config: Record<string, unknown> } }).Platform;
    const network = this;
    const mine: Record<string, unknown> = {
      WebSocket: class extends Socket {
        constructor(uri: string) {
          super(network, uri);
        }
      },
      // The client keeps those of the moment in which it was loaded.
      now: () => Date.now(),
      setTimeout: (run: () => void, ms?: number) => setTimeout(run, ms),
      clearTimeout: (handle: NodeJS.Timeout) => clearTimeout(handle),
    };
    const before = Object.fromEntries(Object.keys(mine).map((name) => [name, Config[name]]));
    Object.assign(Config, mine);
    return () => void Object.assign(Config, before);
  }

  /** Cuts a client off, for so many ms. */
  cut(clientId: string, ms: number): void {
    this.heldUntil.set(clientId, this.time.now + ms);
    for (const socket of [...this.sockets]) if (socket.clientId === clientId) socket.cut();
  }
}
