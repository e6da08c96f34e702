import type { Entry, Row, Sink } from 'parvis/engine';

/** A sink that writes down what it is told. */
export interface RecordingSink extends Sink {
  readonly entries: Entry[];
  /** One item for each call of `lapsed`. */
  readonly lapses: Row[][];
  /** Serials of entries and keys of lapsed rows, in the order of being told. */
  readonly told: string[];
}

/** A new one; `also` is called after each thing is written down. */
export function createRecordingSink(
  also: { entry?(entry: Entry): void; lapsed?(rows: Row[]): void } = {},
): RecordingSink {
  const sink: RecordingSink = {
    entries: [],
    lapses: [],
    told: [],
    entry(entry) {
      sink.entries.push(entry);
      sink.told.push(entry.serial);
      also.entry?.(entry);
    },
    lapsed(rows) {
      sink.lapses.push(rows);
      sink.told.push(...rows.map(({ key }) => `lapsed ${key}`));
      also.lapsed?.(rows);
    },
  };
  return sink;
}
