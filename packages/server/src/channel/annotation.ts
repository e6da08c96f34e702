import { messageClientId } from '@parvis/auth';
import { type Annotation, AnnotationAction, errors, sizeOf, utf8Length } from '@parvis/protocol';
import type { Draft, Expectation, Row, RowChange } from '../engine/engine.ts';
import { checkExtras, withUserClaim } from './extras.ts';
import type { AnnotationPayload } from './mutationView.ts';
import { checkMessageId, type Publisher } from './publish.ts';
import {
  type Folded,
  foldAnnotation,
  methodOf,
  type Share,
  type Summary,
  type SummaryMethod,
  sizeOfSummary,
} from './summary.ts';

/** Table of rows with the summaries of each message that was annotated, by the message's serial. */
export const summaryTable = 'summaries';
/** Table of rows with what each client has said about a message, by annotation type. */
export const shareTable = 'shares';

const MAX_TYPE_LENGTH = 256;
const MAX_NAME_LENGTH = 256;
const MAX_COUNT = 1_000_000;

/** Rows that a fold starts from: the summaries of the message, and the shares of the clients who annotate it. */
export interface AnnotationRows {
  readonly summary: Row | undefined;
  readonly shares: readonly Row[];
}

/** Key of what a client has said under a type. */
export function shareKey(messageSerial: string, type: string, clientId: string): string {
  return `${messageSerial} ${JSON.stringify([type, clientId])}`;
}

/**
 * An annotation as it is stored: checked, with the clientId of who makes it. Throws 40000, 40003, 40012, 40031, 40032, or
 * 40161 where whoever has no clientId could not be told apart from others.
 */
export function acceptedAnnotation(publisher: Publisher, given: Annotation, strictExtras: boolean): Annotation {
  const { id, action, messageSerial, type, name, count, data, encoding } = given;
  if (action !== AnnotationAction.CREATE && action !== AnnotationAction.DELETE) {
    throw errors.badRequest('annotation action must be create (0) or delete (1)');
  }
  if (messageSerial === undefined) throw errors.badParameter('messageSerial', 'it names the message to annotate');
  if (type === undefined || type === '' || type.length > MAX_TYPE_LENGTH) {
    throw errors.badParameter('type', `an annotation has one, of ${MAX_TYPE_LENGTH} characters at most`);
  }
  if (id !== undefined) checkMessageId(id);
  if (given.extras !== undefined) checkExtras(given.extras, strictExtras);
  const clientId = messageClientId(publisher.clientId, given.clientId);
  checkForMethod(given, methodOf(type), clientId);
  const extras = withUserClaim(given.extras, publisher.userClaim);
  const annotation: Annotation = { action, messageSerial, type };
  if (id !== undefined) annotation.id = id;
  if (name !== undefined) annotation.name = name;
  if (count !== undefined) annotation.count = count;
  if (clientId !== undefined) annotation.clientId = clientId;
  if (data !== undefined) annotation.data = data;
  if (encoding !== undefined) annotation.encoding = encoding;
  if (extras !== undefined) annotation.extras = extras;
  return annotation;
}

function checkForMethod({ action, name, count }: Annotation, method: SummaryMethod | undefined, clientId?: string) {
  if (name !== undefined && name.length > MAX_NAME_LENGTH) {
    throw errors.badParameter('name', `it may have ${MAX_NAME_LENGTH} characters at most`);
  }
  if (count !== undefined && (count < 1 || count > MAX_COUNT)) {
    throw errors.badParameter('count', `it must be from 1 to ${MAX_COUNT}`);
  }
  if (method === undefined) return;
  const isDelete = action === AnnotationAction.DELETE;
  const byName = method === 'distinct.v1' || method === 'multiple.v1' || (method === 'unique.v1' && !isDelete);
  if (byName && (name === undefined || name === '')) {
    throw errors.badParameter('name', `an annotation of the method ${method} has one`);
  }
  const takesAnybody = !isDelete && (method === 'total.v1' || method === 'multiple.v1');
  if (clientId === undefined && !takesAnybody) {
    throw errors.notIdentified(isDelete ? 'taking back an annotation' : `an annotation of the method ${method}`);
  }
}

/** Whether an annotation counts in a summary. */
export function isSummedUp({ type = '' }: Annotation): boolean {
  return methodOf(type) !== undefined;
}

/** The message that annotations are about. */
export interface Annotated {
  readonly messageSerial: string;
  /** Serial of the entry that published it: what is derived lasts as long. */
  readonly published: string;
}

/**
 * The draft of some annotations of one message: all of them or none. `maxMessageSize` bounds what is sent, and all that
 * is summed up about the message; of that, clientIds get half. Throws 40009 beyond.
 */
export function draftAnnotations(
  publisher: Publisher,
  annotations: readonly Annotation[],
  rows: AnnotationRows,
  about: Annotated,
  maxMessageSize: number,
): Draft {
  checkSize(annotations, maxMessageSize);
  const fold = new AnnotationFold(rows, about.messageSerial, maxMessageSize);
  for (const annotation of annotations) fold.add(annotation);
  const { idBase, connectionId, retryId } = publisher;
  const payload: AnnotationPayload = {
    idBase,
    ...(connectionId === undefined ? {} : { connectionId }),
    annotations,
  };
  return {
    kind: 'annotation',
    ...(retryId === undefined ? {} : { id: retryId }),
    payload,
    ...fold.changes(about.published),
  };
}

function checkSize(annotations: readonly Annotation[], limit: number): void {
  const size = annotations.reduce((sum, one) => sum + sizeOf(one) + utf8Length(one.type ?? ''), 0);
  if (size > limit) throw errors.messageTooLarge(size, limit);
}

/** Summaries of a message and shares in them, as some annotations leave them. */
class AnnotationFold {
  readonly #rows: AnnotationRows;
  readonly #messageSerial: string;
  readonly #limit: number;
  readonly #summaries: Map<string, Summary>;
  readonly #shares = new Map<string, Share>();
  #changed = false;

  constructor(rows: AnnotationRows, messageSerial: string, limit: number) {
    this.#rows = rows;
    this.#messageSerial = messageSerial;
    this.#limit = limit;
    this.#summaries = new Map(summariesIn(rows.summary).map((summary) => [summary.type, summary]));
  }

  add({ action, type = '', name = '', count = 1, clientId }: Annotation): void {
    const method = methodOf(type);
    if (method === undefined) return;
    this.#changed = true;
    const summary = this.#summaries.get(type) ?? { type, method, tallies: [] };
    const key = clientId === undefined ? undefined : shareKey(this.#messageSerial, type, clientId);
    const share = key === undefined ? [] : (this.#shares.get(key) ?? this.#stored(key));
    const hasNames = method !== 'total.v1' && method !== 'flag.v1';
    const folded: Folded = {
      action,
      ...(clientId === undefined ? {} : { clientId }),
      name: hasNames ? name : '',
      count: method === 'multiple.v1' ? count : 1,
    };
    const others = this.#size() - sizeOfSummary(summary);
    const after = foldAnnotation(summary, share, folded, this.#limit / 2 - others);
    if (after.summary.tallies.length === 0) this.#summaries.delete(type);
    else this.#summaries.set(type, after.summary);
    if (key !== undefined) this.#shares.set(key, after.share);
    if (action === AnnotationAction.CREATE && this.#size() > this.#limit) throw errors.summaryFull(this.#limit);
  }

  changes(about: string): Pick<Draft, 'rows' | 'expect'> {
    if (!this.#changed) return {};
    const rows: RowChange[] = [];
    const expect: Expectation[] = [];
    const change = (table: string, key: string, serial: string | undefined, value: readonly unknown[]) => {
      rows.push(value.length === 0 ? { table, key } : { table, key, value, about });
      expect.push({ table, key, serial: serial ?? null });
    };
    change(summaryTable, this.#messageSerial, this.#rows.summary?.serial, [...this.#summaries.values()]);
    for (const [key, share] of this.#shares) change(shareTable, key, this.#row(key)?.serial, share);
    return { rows, expect };
  }

  #row(key: string): Row | undefined {
    return this.#rows.shares.find((row) => row.key === key);
  }

  #stored(key: string): Share {
    return (this.#row(key)?.value as Share | undefined) ?? [];
  }

  #size(): number {
    let size = 0;
    for (const summary of this.#summaries.values()) size += sizeOfSummary(summary);
    return size;
  }
}

/** The summaries that a row holds; none if there is no row. */
export function summariesIn(row: Row | undefined): readonly Summary[] {
  return (row?.value as readonly Summary[] | undefined) ?? [];
}
