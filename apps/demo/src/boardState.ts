/** The text of one card. A higher version replaces a lower one; `by` (a connectionId) decides between equals. */
export interface CardText {
  readonly card: string;
  readonly text: string;
  readonly version: number;
  readonly by: string;
}

/** The texts of all cards, by card id. */
export type BoardState = ReadonlyMap<string, CardText>;

/** Longest text of a card. */
export const maxTextLength = 280;

/** A board nobody has written on. */
export function boardOf(texts: Iterable<readonly [card: string, text: string]>): BoardState {
  return new Map([...texts].map(([card, text]) => [card, { card, text, version: 0, by: '' }]));
}

/**
 * Takes in one text, of whatever age: in any order, and however often each comes, the same texts make the same board. Returns the
 * same object if nothing changed. Cards that the board does not have are none.
 */
export function accept(board: BoardState, given: CardText): BoardState {
  const known = board.get(given.card);
  if (!known || !isNewer(given, known)) return board;
  return new Map(board).set(given.card, given);
}

/** The next version of a card. */
export function written(board: BoardState, card: string, text: string, by: string): CardText {
  return { card, text: clip(text), version: (board.get(card)?.version ?? 0) + 1, by };
}

/** The texts that somebody has written: what a newcomer needs to be told. */
export function writtenTexts(board: BoardState): CardText[] {
  return [...board.values()].filter(({ version }) => version > 0);
}

/** Reads what another page published; null if it is no text of a card. */
export function parseCardText(data: unknown): CardText | null {
  if (typeof data !== 'object' || data === null) return null;
  const { card, text, version, by } = data as Record<string, unknown>;
  if (typeof card !== 'string' || typeof text !== 'string' || typeof by !== 'string') return null;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) return null;
  return { card, text: clip(text), version, by };
}

function isNewer(given: CardText, known: CardText): boolean {
  return given.version > known.version || (given.version === known.version && given.by > known.by);
}

function clip(text: string): string {
  return text.slice(0, maxTextLength);
}
