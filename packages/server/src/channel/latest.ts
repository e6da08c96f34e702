import { type Message, parseMessageSerial } from '@parvis/protocol';
import type { ChannelRef, Engine, Entry, Row } from '../engine/engine.ts';
import { summariesIn, summaryTable } from './annotation.ts';
import { messagesOf } from './entryView.ts';
import { type Standing, versionIn, versionTable } from './mutation.ts';
import { renderSummaries } from './summary.ts';

/** Rows read at once. */
const PAGE = 1_000;

/** The message with this serial as it stands; undefined if the channel has none, or has it no longer. */
export async function standingOf(
  engine: Engine,
  channel: ChannelRef,
  messageSerial: string,
): Promise<Standing | undefined> {
  const parsed = parseMessageSerial(messageSerial);
  if (parsed === undefined) return undefined;
  const [page, { rows }] = await Promise.all([
    engine.read(channel, { upTo: parsed.serial, kind: 'message', direction: 'backwards', limit: 1 }),
    engine.rows(channel, versionTable, { key: messageSerial }),
  ]);
  const [entry] = page.entries;
  const [row] = rows;
  const original = entry?.serial === parsed.serial ? messagesOf(entry)[parsed.index] : undefined;
  if (original === undefined) return undefined;
  return { message: row === undefined ? original : versionIn(row), original, published: parsed.serial, row };
}

/** The row with the summaries of a message, if it was ever annotated. */
export async function summaryRow(engine: Engine, channel: ChannelRef, messageSerial: string): Promise<Row | undefined> {
  const { rows } = await engine.rows(channel, summaryTable, { key: messageSerial });
  return rows[0];
}

/** A message with what there is to say about its annotations, if there is anything. */
export function withSummary(message: Message, row: Row | undefined): Message {
  return row === undefined ? message : { ...message, annotations: { summary: renderSummaries(summariesIn(row)) } };
}

/**
 * Messages of entries as they stand now, each at the place where it was published: a function that gives them for each
 * of these entries.
 */
export async function latestOf(
  engine: Engine,
  channel: ChannelRef,
  entries: readonly Entry[],
): Promise<(entry: Entry) => Message[]> {
  const serials = entries.map(({ serial }) => serial).sort();
  const [first] = serials;
  const last = serials.at(-1);
  if (first === undefined || last === undefined) return messagesOf;
  // A message's serial is that of its entry with a colon and an index behind it.
  const [versions, summaries] = await Promise.all(
    [versionTable, summaryTable].map((table) => rowsBetween(engine, channel, table, `${first}:`, `${last};`)),
  );
  const byKey = (rows: readonly Row[] = []) => new Map(rows.map((row) => [row.key, row]));
  const [latest, annotated] = [byKey(versions), byKey(summaries)];
  return (entry) =>
    messagesOf(entry).map((original) => {
      const { serial = '' } = original;
      const row = latest.get(serial);
      return withSummary(row === undefined ? original : versionIn(row), annotated.get(serial));
    });
}

/** Rows with keys after one bound and before another. */
async function rowsBetween(
  engine: Engine,
  channel: ChannelRef,
  table: string,
  after: string,
  before: string,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let afterKey = after; ; ) {
    const page = await engine.rows(channel, table, { afterKey, limit: PAGE });
    for (const row of page.rows) {
      if (row.key >= before) return rows;
      rows.push(row);
      afterKey = row.key;
    }
    if (!page.more) return rows;
  }
}
