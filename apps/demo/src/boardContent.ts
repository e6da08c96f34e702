/** A card as the board comes: its title stays, its text is everybody's to change. */
export interface CardContent {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

/** A column of the board. */
export interface ColumnContent {
  readonly id: string;
  readonly title: string;
  readonly cards: readonly CardContent[];
}

/** The board that every space starts with. */
export const columns: readonly ColumnContent[] = [
  {
    id: 'ideas',
    title: 'Ideas',
    cards: [
      { id: 'lights', title: 'Fountain lights', text: 'Warm bulbs in a ring around the fountain, lit at dusk.' },
      { id: 'music', title: 'Accordion at noon', text: 'Ask Odile whether she would play by the steps again.' },
      { id: 'swap', title: 'Book swap', text: 'A long table under the plane trees. Bring one, take one.' },
    ],
  },
  {
    id: 'doing',
    title: 'Under way',
    cards: [
      { id: 'stalls', title: 'Stall numbers', text: 'Chalk 1 to 24, bakers nearest to the well.' },
      { id: 'poster', title: 'Poster', text: 'Ochre and green, date large enough to read from a bicycle.' },
      { id: 'water', title: 'Water for everyone', text: 'Two barrels from the co-op, and cups that come back.' },
    ],
  },
  {
    id: 'done',
    title: 'Settled',
    cards: [
      { id: 'permit', title: 'Permit', text: 'Signed by the town hall, Saturday from six to three.' },
      { id: 'benches', title: 'Benches', text: 'Twelve, borrowed from the school. Back by Monday.' },
    ],
  },
];
