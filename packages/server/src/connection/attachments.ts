import { Action, type ErrorInfo, errors, Flag, Mode, toErrorInfo } from '@parvis/protocol';
import { Attachment, type AttachRequest } from '../channel/attachment.ts';
import { attachRefusal, grantedModes } from '../channel/attachRequest.ts';
import type { Channel } from '../channel/channel.ts';
import { Frame } from '../channel/frame.ts';
import { isDerived, writableChannel } from '../channel/qualifiedName.ts';
import { attach, attachedMessage } from '../channel/replay.ts';
import { AttachLine } from './attachLine.ts';
import type { Connection } from './connection.ts';

/** One channel of a connection, from its ATTACH on. */
export interface AttachedChannel {
  /** Modes asked for, and those granted. */
  readonly requested: number;
  modes: number;
  /** What it wants to be told of who is on the channel. */
  readonly occupancy: AttachRequest['occupancy'];
  /** Whether the client has sent presence here: else there is nobody to leave. */
  sentPresence: boolean;
  /** There once the channel is open. */
  attachment: Attachment | undefined;
  /** Settles when the opening is over; there once somebody waits for that. */
  opening: Promise<void> | undefined;
  opened: (() => void) | undefined;
}

/** The channels that one connection is attached to, or is being attached to. */
export class Attachments {
  readonly #connection: Connection;
  readonly #byName = new Map<string, AttachedChannel>();
  /** Of each name the last attach that is still opening; it may have been given up by now. Mostly none or one. */
  readonly #opening: { readonly name: string; readonly attached: AttachedChannel }[] = [];
  /** One attach at a time, so that each sees how far the client has got with the ones before. */
  readonly #line = new AttachLine();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): AttachedChannel | undefined {
    return this.#byName.get(name);
  }

  /**
   * There from the ATTACH until the channel's entries are held for this client, or it is known that they will not be:
   * settles then.
   */
  opening(name: string): Promise<void> | undefined {
    const attached = this.#opening.find((one) => one.name === name)?.attached;
    if (attached === undefined) return undefined;
    attached.opening ??= new Promise((resolve) => {
      attached.opened = resolve;
    });
    return attached.opening;
  }

  /**
   * Attaches, or attaches anew with other params: what the client was sent since its ATTACH does not count, it goes by
   * the position it gave. Answers with ATTACHED, or rejects: the caller then detaches and tells the client.
   */
  async attach(name: string, request: AttachRequest): Promise<void> {
    const { host, principal } = this.#connection;
    const modes = grantedModes(request.modes, principal.capability, name);
    const refusal = attachRefusal(request, modes, principal.capability, name);
    if (refusal !== undefined) throw refusal;
    const before = this.#byName.get(name);
    const limit = host.limits.maxChannelsPerConnection;
    if (before === undefined && this.#byName.size >= limit) throw errors.tooManyChannels(limit);
    before?.attachment?.channel.remove(before.attachment);
    const attached: AttachedChannel = {
      requested: request.modes,
      modes,
      occupancy: request.occupancy,
      sentPresence: before?.sentPresence ?? false,
      attachment: undefined,
      opening: undefined,
      opened: undefined,
    };
    this.#opens(name, attached);
    this.#byName.set(name, attached);
    const wanted = () => this.#byName.get(name) === attached;
    if (!this.#line.take() && !(await this.#line.wait(name))) return this.#opened(attached);
    try {
      await this.#establish(attached, request, wanted);
    } catch (failure) {
      if (wanted()) throw failure;
    } finally {
      this.#opened(attached);
      this.#line.done();
    }
  }

  #opens(name: string, attached: AttachedChannel): void {
    const before = this.#opening.findIndex((one) => one.name === name);
    if (before >= 0) this.#opening.splice(before, 1);
    this.#opening.push({ name, attached });
  }

  #opened(attached: AttachedChannel): void {
    const at = this.#opening.findIndex((one) => one.attached === attached);
    if (at >= 0) this.#opening.splice(at, 1);
    attached.opened?.();
  }

  async #establish(attached: AttachedChannel, request: AttachRequest, wanted: () => boolean): Promise<void> {
    const { host, principal, outbox } = this.#connection;
    // Backlogs of many channels at once would overrun a client that is doing well.
    const calmed = outbox.calmed();
    if (calmed !== undefined) await calmed;
    if (!wanted()) return;
    const { channel: name } = request.name;
    const channel = host.channels.opened(principal.app, name) ?? (await host.channels.open(principal.app, name));
    if (!wanted()) return;
    attached.attachment = new Attachment(channel, this.#connection, request, attached.modes);
    const attaching = attach(host.engine, host.limits, attached.attachment, request, wanted);
    this.#opened(attached);
    await attaching;
  }

  /** Detaches, and makes this connection's members leave. */
  async detach(name: string): Promise<void> {
    const attached = this.#forget(name);
    if (attached?.sentPresence || this.#connection.resumed) await this.#leave(name);
  }

  /** Forgets all channels without a word: members go or stay with the connection's lease. */
  drop(): void {
    for (const { attachment } of this.#byName.values()) {
      if (attachment !== undefined) attachment.channel.remove(attachment);
    }
    this.#byName.clear();
    this.#line.clear();
  }

  /** Applies a changed capability: channels are lost, or modes of them (protocol reference 2.12). */
  review(): void {
    const { capability } = this.#connection.principal;
    for (const [name, attached] of this.#byName) {
      const modes = grantedModes(attached.requested, capability, name);
      const refusal = attachRefusal(attached, modes, capability, name);
      if (modes === attached.modes && refusal === undefined) continue;
      const keepsPresence = refusal === undefined && (modes & Mode.PRESENCE) !== 0;
      const lostPresence = (attached.modes & Mode.PRESENCE) !== 0 && !keepsPresence;
      attached.modes = modes;
      if (refusal !== undefined) this.#lose(name, refusal);
      else this.#regrant(attached, modes);
      if (lostPresence) this.#leave(name).catch((failure) => this.#report(name, failure));
    }
  }

  /** The channel's feed was broken: continuity is lost, and the presence set is to be read anew. */
  discontinued(channel: Channel): void {
    for (const attached of this.#byName.values()) {
      const { attachment, modes } = attached;
      if (attachment?.channel !== channel) continue;
      attachment.startFrom(channel.position);
      this.#tell(attached, modes, errors.serialForeign());
      if (attachment.view?.messagesOnly !== true) channel.sync(attachment, true);
    }
  }

  #regrant(attached: AttachedChannel, modes: number): void {
    attached.attachment?.channel.regrant(attached.attachment, modes);
    this.#tell(attached, modes);
  }

  #lose(name: string, error: ErrorInfo): void {
    this.#forget(name);
    this.#connection.sendMessage({ action: Action.ERROR, channel: name, error: error.toJSON() });
  }

  #forget(name: string): AttachedChannel | undefined {
    const attached = this.#byName.get(name);
    this.#byName.delete(name);
    this.#line.leave(name);
    if (attached?.attachment !== undefined) attached.attachment.channel.remove(attached.attachment);
    return attached;
  }

  #tell({ attachment }: AttachedChannel, modes: number, error?: ErrorInfo): void {
    if (attachment === undefined || attachment.held !== undefined) return;
    const { channel } = attachment;
    let flags = modes;
    if (error === undefined) flags |= Flag.RESUMED;
    if (channel.members.size > 0 && (modes & Mode.PRESENCE_SUBSCRIBE) !== 0) flags |= Flag.HAS_PRESENCE;
    this.#connection.send(new Frame(attachedMessage(attachment, channel.position, flags, error)));
  }

  /** Members of a connection are those of all names that it calls the channel by: they leave with the last. */
  async #leave(name: string): Promise<void> {
    if (isDerived(name)) return;
    const channelName = writableChannel(name);
    for (const { attachment, sentPresence } of this.#byName.values()) {
      if (sentPresence && attachment?.name !== name && attachment?.channel.name === channelName) return;
    }
    const channel = await this.#connection.host.channels.open(this.#connection.principal.app, channelName);
    await channel.leave(this.#connection.connectionId);
  }

  #report(name: string, failure: unknown): void {
    this.#connection.host.report('members of a channel could not leave', { channel: name, failure });
  }
}

/** How a failed attach is told: retryable trouble as DETACHED (the client tries again), all else as ERROR. */
export function attachFailure(name: string, failure: unknown) {
  const error = toErrorInfo(failure);
  const action = error.statusCode >= 500 ? Action.DETACHED : Action.ERROR;
  return { action, channel: name, error: error.toJSON() };
}
