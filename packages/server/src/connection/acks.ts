import { Action, type ErrorInfo, type ProtocolMessage, type PublishResult } from '@parvis/protocol';

/** One frame that waits for its answer. */
interface Pending {
  readonly msgSerial: number;
  outcome: PublishResult | ErrorInfo | undefined;
}

/** Answers one frame; call exactly one of both, once. */
export interface Acknowledgement {
  ack(result: PublishResult): void;
  nack(error: ErrorInfo): void;
}

/**
 * Acknowledges frames in the order they came, though storage may finish them in another: the client completes its queue
 * from the front, so a skipped or repeated answer would settle the wrong publish (spec RTN7).
 */
export class Acks {
  readonly #send: (message: ProtocolMessage) => void;
  readonly #waiting: Pending[] = [];

  constructor(send: (message: ProtocolMessage) => void) {
    this.#send = send;
  }

  /** Frames without an answer yet. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** Takes a place in line for a frame. */
  reserve(msgSerial: number): Acknowledgement {
    const pending: Pending = { msgSerial, outcome: undefined };
    this.#waiting.push(pending);
    const settle = (outcome: PublishResult | ErrorInfo) => {
      pending.outcome = outcome;
      if (this.#waiting[0] === pending) this.#flush();
    };
    return { ack: settle, nack: settle };
  }

  /** Sends the answers at the front; acknowledgements of consecutive serials leave as one. */
  #flush(): void {
    let run: { msgSerial: number; res: PublishResult[] } | undefined;
    const sendRun = () => {
      if (run === undefined) return;
      this.#send({ action: Action.ACK, msgSerial: run.msgSerial, count: run.res.length, res: run.res });
      run = undefined;
    };
    for (;;) {
      const first = this.#waiting[0];
      if (first?.outcome === undefined) break;
      this.#waiting.shift();
      if ('serials' in first.outcome) {
        if (run !== undefined && run.msgSerial + run.res.length !== first.msgSerial) sendRun();
        run ??= { msgSerial: first.msgSerial, res: [] };
        run.res.push(first.outcome);
      } else {
        sendRun();
        this.#send({ action: Action.NACK, msgSerial: first.msgSerial, count: 1, error: first.outcome.toJSON() });
      }
    }
    sendRun();
  }
}
