import { Action, type ErrorInfo, type ProtocolMessage, type PublishResult } from '@parvis/protocol';

/** One frame that waits for its answer. */
interface Pending {
  readonly msgSerial: number;
  /** The answer has time until the channel's window ends. */
  readonly unhurried: boolean;
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
  readonly #send: (message: ProtocolMessage, unhurried: boolean) => void;
  readonly #waiting: Pending[] = [];

  /** `send` may hold back a message that is `unhurried` for a few ms, to leave with others. */
  constructor(send: (message: ProtocolMessage, unhurried: boolean) => void) {
    this.#send = send;
  }

  /** Frames without an answer yet. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** Takes a place in line for a frame. */
  reserve(msgSerial: number, unhurried = false): Acknowledgement {
    const pending: Pending = { msgSerial, unhurried, outcome: undefined };
    this.#waiting.push(pending);
    const settle = (outcome: PublishResult | ErrorInfo) => {
      pending.outcome = outcome;
      if (this.#waiting[0] === pending) this.#flush();
    };
    return { ack: settle, nack: settle };
  }

  /** Sends the answers at the front; acknowledgements of consecutive serials leave as one. */
  #flush(): void {
    let run: { msgSerial: number; res: PublishResult[]; unhurried: boolean } | undefined;
    const sendRun = () => {
      if (run === undefined) return;
      const { msgSerial, res, unhurried } = run;
      this.#send({ action: Action.ACK, msgSerial, count: res.length, res }, unhurried);
      run = undefined;
    };
    for (;;) {
      const first = this.#waiting[0];
      if (first?.outcome === undefined) break;
      this.#waiting.shift();
      if ('serials' in first.outcome) {
        if (run !== undefined && run.msgSerial + run.res.length !== first.msgSerial) sendRun();
        run ??= { msgSerial: first.msgSerial, res: [], unhurried: true };
        run.res.push(first.outcome);
        run.unhurried &&= first.unhurried;
      } else {
        sendRun();
        this.#send({ action: Action.NACK, msgSerial: first.msgSerial, count: 1, error: first.outcome.toJSON() }, false);
      }
    }
    sendRun();
  }
}
