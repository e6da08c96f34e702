import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accept, boardOf, type CardText, maxTextLength, parseCardText, written, writtenTexts } from './boardState.ts';

const empty = boardOf([
  ['a', 'one'],
  ['b', 'two'],
]);

describe('board', () => {
  test('[DM5] an edit is the next version of its card', () => {
    const edit = written(empty, 'a', 'new', 'c1');
    const board = accept(empty, edit);
    expect(board.get('a')?.text).toBe('new');
    expect(board.get('b')?.text).toBe('two');
    expect(written(board, 'a', 'newer', 'c1').version).toBe(edit.version + 1);
    expect(writtenTexts(board)).toEqual([edit]);
  });

  test('[DM5] what is old or known changes nothing', () => {
    const board = accept(accept(empty, written(empty, 'a', 'x', 'c1')), { card: 'a', text: 'y', version: 2, by: 'c2' });
    expect(accept(board, { card: 'a', text: 'z', version: 1, by: 'c9' })).toBe(board);
    expect(accept(board, { card: 'a', text: 'y', version: 2, by: 'c2' })).toBe(board);
    expect(accept(board, { card: 'nowhere', text: 'z', version: 9, by: 'c9' })).toBe(board);
  });

  test('[DM5] pages that hear the same edits in any order show the same board', () => {
    // One writer writes one text per version.
    const edit = fc.record({
      card: fc.constantFrom('a', 'b'),
      version: fc.integer({ min: 1, max: 4 }),
      by: fc.constantFrom('c1', 'c2'),
    });
    const edits = fc.array(edit.map((values): CardText => ({ ...values, text: `${values.by}/${values.version}` })));
    const shuffled = edits.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        expect(one.reduce(accept, empty)).toEqual([...other, ...one].reduce(accept, empty));
      }),
    );
  });

  test.each([
    [null],
    ['text'],
    [{}],
    [{ card: 'a', text: 7, version: 1, by: 'c' }],
    [{ card: 'a', text: 'x', version: 0, by: 'c' }],
    [{ card: 'a', text: 'x', version: 1e300, by: 'c' }],
    [{ card: 'a', text: 'x', version: Number.NaN, by: 'c' }],
  ])('[DM3] %j is no text of a card', (data) => {
    expect(parseCardText(data)).toBeNull();
  });

  test('[DM3] a text that is too long is cut', () => {
    expect(parseCardText({ card: 'a', text: 'x'.repeat(9999), version: 1, by: 'c' })?.text).toHaveLength(maxTextLength);
    expect(written(empty, 'a', 'x'.repeat(9999), 'c').text).toHaveLength(maxTextLength);
  });
});
