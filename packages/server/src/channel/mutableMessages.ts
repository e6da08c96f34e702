import {
  type Annotation,
  errors,
  type Message,
  MessageAction,
  messageSerial,
  type PublishResult,
} from '@parvis/protocol';
import type { App } from '../access/app.ts';
import type { Principal } from '../access/principal.ts';
import type { Appended, ChannelRef, Draft, Engine, Entry, Row } from '../engine/engine.ts';
import type { Limits } from '../limits.ts';
import type { Meter } from '../observe/meter.ts';
import { acceptedAnnotation, draftAnnotations, isSummedUp, shareKey, shareTable, summariesIn } from './annotation.ts';
import { type AnnotationQuery, annotationHistory } from './annotationHistory.ts';
import { summaryPayload } from './catchUp.ts';
import { countPublished } from './countPublished.ts';
import type { HistoryPage, HistoryQuery } from './history.ts';
import { Lanes } from './lane.ts';
import { standingOf, summaryRow, withSummary } from './latest.ts';
import { changeOf, draftChange, requireOwn, rightTo, type Standing } from './mutation.ts';
import type { Publisher } from './publish.ts';
import { writableChannel } from './qualifiedName.ts';
import { isMutable, isPersisted } from './rule.ts';
import type { Stats } from './stats.ts';
import { renderSummaries, type Share, summaryOfShare } from './summary.ts';
import { versionHistory } from './versions.ts';

/** What it is made with. */
export interface MutableMessagesParts {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly meter: Meter;
  readonly stats: Stats;
  readonly report: (failure: unknown, channel: string) => void;
  /** How the engine knows a channel. */
  ref(app: App, name: string): ChannelRef;
}

/** A draft is made from rows that another node may change meanwhile: it may be faster this often before we give up. */
const MAX_ATTEMPTS = 16;

/**
 * What can be done with messages that were published, in namespaces where they are mutable (93002 in all others): change
 * them, annotate them, and read one with what became of it. Realtime and HTTP come here alike; errors are those of the
 * protocol reference 2.14 and 4.6, and 40400 where the channel has no message with that serial.
 */
export class MutableMessages {
  readonly #parts: MutableMessagesParts;
  readonly #lanes = new Lanes();
  /** Messages whose summary is about to be sent. */
  readonly #summarising = new Set<string>();

  constructor(parts: MutableMessagesParts) {
    this.#parts = parts;
  }

  /** Updates, deletes or appends to a message; resolves with the serial of its new version once that is stored. */
  async change(principal: Principal, name: string, publisher: Publisher, given: Message): Promise<PublishResult> {
    const { limits } = this.#parts;
    const channel = this.#channel(principal, name);
    const { action = MessageAction.CREATE } = given;
    const right = rightTo(action, principal, name);
    const change = changeOf(publisher, given, limits.strictExtras);
    const appended = await this.#lanes.run(`change ${channel.app} ${channel.name}`, () =>
      this.#append(channel, async () => {
        const standing = await this.#standing(channel, change.serial);
        if (right === 'own') requireOwn(principal, standing, action, name);
        return draftChange(publisher, standing, change, limits.maxMessageSize);
      }),
    );
    if (appended.outcome === 'appended') this.#count(principal.app, channel.name, publisher, [given]);
    return { serials: [messageSerial(appended.entry.serial, 0)] };
  }

  /** Annotates one message, or takes annotations back; resolves with their serials once they are stored. */
  async annotate(
    principal: Principal,
    name: string,
    publisher: Publisher,
    given: readonly Annotation[],
  ): Promise<PublishResult> {
    const { engine, limits } = this.#parts;
    const channel = this.#channel(principal, name);
    this.#allow(principal, 'annotation-publish', name);
    if (given.length > limits.maxMessagesPerPublish) {
      throw errors.tooManyMessages(given.length, limits.maxMessagesPerPublish);
    }
    const userClaim = principal.userClaims?.for(channel.name);
    const annotations = given.map((one) => acceptedAnnotation({ ...publisher, userClaim }, one, limits.strictExtras));
    const about = messageOf(annotations);
    const appended = await this.#lanes.run(laneOf(channel), () =>
      this.#append(channel, async () => {
        const [{ published }, rows] = await Promise.all([
          this.#standing(channel, about),
          readRows(engine, channel, about, annotations),
        ]);
        return draftAnnotations(
          publisher,
          annotations,
          rows,
          { messageSerial: about, published },
          limits.maxMessageSize,
        );
      }),
    );
    if (appended.outcome === 'appended') this.#count(principal.app, channel.name, publisher, given);
    if (annotations.some(isSummedUp)) this.#summarise(channel, about, appended.entry);
    return { serials: annotations.map((_, index) => messageSerial(appended.entry.serial, index)) };
  }

  #count(app: App, channel: string, publisher: Publisher, given: readonly (Message | Annotation)[]): void {
    this.#parts.meter.messagesPublished(given.length);
    countPublished(this.#parts.stats.of(app.id), publisher, given, isPersisted(app, channel));
  }

  /** A message in its latest version, with the summary of its annotations. */
  async get(principal: Principal, name: string, serial: string): Promise<Message> {
    const channel = this.#channel(principal, name);
    this.#allow(principal, 'history', name);
    const { message } = await this.#standing(channel, serial);
    return withSummary(message, await summaryRow(this.#parts.engine, channel, serial));
  }

  /** A page of the versions of a message. */
  async versions(
    principal: Principal,
    name: string,
    serial: string,
    query: HistoryQuery,
  ): Promise<HistoryPage<Message>> {
    const channel = this.#channel(principal, name);
    this.#allow(principal, 'history', name);
    return versionHistory(this.#parts.engine, channel, await this.#standing(channel, serial), query);
  }

  /** A page of the annotations of a message, for those who may see who made each. */
  async annotations(
    principal: Principal,
    name: string,
    serial: string,
    query: AnnotationQuery,
  ): Promise<HistoryPage<Annotation>> {
    const channel = this.#channel(principal, name);
    this.#allow(principal, 'annotation-subscribe', name);
    const { published } = await this.#standing(channel, serial);
    return annotationHistory(this.#parts.engine, channel, { serial, published }, query);
  }

  /** The summary of what one client alone has said about a message: right also where the message's own is clipped. */
  async clientSummary(
    principal: Principal,
    name: string,
    serial: string,
    clientId: string,
  ): Promise<Record<string, unknown>> {
    const { engine } = this.#parts;
    const channel = this.#channel(principal, name);
    this.#allow(principal, 'history', name);
    await this.#standing(channel, serial);
    const summaries = summariesIn(await summaryRow(engine, channel, serial));
    const own = await Promise.all(
      summaries.map(async (summary) => {
        const row = await shareRow(engine, channel, shareKey(serial, summary.type, clientId));
        return row === undefined ? [] : [summaryOfShare(summary, clientId, row.value as Share)];
      }),
    );
    return renderSummaries(own.flat());
  }

  #channel({ app }: Principal, name: string): ChannelRef {
    const channel = this.#parts.ref(app, writableChannel(name));
    if (!isMutable(app, channel.name)) throw errors.notMutable();
    return channel;
  }

  #allow({ capability }: Principal, operation: Parameters<typeof capability.allows>[0], name: string): void {
    if (!capability.allows(operation, name)) throw errors.capabilityDenied(operation, `channel ${name}`);
  }

  async #standing(channel: ChannelRef, serial: string): Promise<Standing> {
    const standing = await standingOf(this.#parts.engine, channel, serial);
    if (standing === undefined) throw errors.notFound('message');
    return standing;
  }

  /** Makes a draft from the present state and appends it, again if another node changed that state meanwhile. */
  async #append(channel: ChannelRef, make: () => Promise<Draft>): Promise<Exclude<Appended, { outcome: 'refused' }>> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const result = await this.#parts.engine.append(channel, await make());
      if (result.outcome !== 'refused') return result;
    }
    throw errors.unavailable(`a message of channel ${channel.name} changes too fast; try again`);
  }

  /** Tells the channel what all have said about a message by now, once for all annotations that are waiting in line. */
  #summarise(channel: ChannelRef, about: string, entry: Entry): void {
    const key = `${channel.app} ${channel.name} ${about}`;
    if (this.#summarising.has(key)) return;
    this.#summarising.add(key);
    const tell = async () => {
      this.#summarising.delete(key);
      const summary = renderSummaries(summariesIn(await summaryRow(this.#parts.engine, channel, about)));
      const payload = summaryPayload(about, summary, entry);
      // Nobody reads it back: whoever missed it is told what the rows say then.
      await this.#parts.engine.append(channel, { kind: 'mutation', payload, ephemeral: true });
    };
    this.#lanes.run(laneOf(channel), tell).catch((failure) => this.#parts.report(failure, channel.name));
  }
}

function laneOf({ app, name }: ChannelRef): string {
  return `annotate ${app} ${name}`;
}

/** The one message that all annotations are about. Throws 40000. */
function messageOf(annotations: readonly Annotation[]): string {
  const [serial, ...others] = new Set(annotations.map(({ messageSerial }) => messageSerial));
  if (serial !== undefined && others.length === 0) return serial;
  throw errors.badRequest('a publish of annotations has at least one, and all are about one message');
}

async function readRows(engine: Engine, channel: ChannelRef, about: string, annotations: readonly Annotation[]) {
  const keys = new Set<string>();
  for (const { type = '', clientId } of annotations) {
    if (clientId !== undefined) keys.add(shareKey(about, type, clientId));
  }
  const [summary, ...shares] = await Promise.all([
    summaryRow(engine, channel, about),
    ...[...keys].map((key) => shareRow(engine, channel, key)),
  ]);
  return { summary, shares: shares.filter((row) => row !== undefined) };
}

async function shareRow(engine: Engine, channel: ChannelRef, key: string): Promise<Row | undefined> {
  return (await engine.rows(channel, shareTable, { key })).rows[0];
}
