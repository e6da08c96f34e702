/** Table of rows that the presence set of a channel is kept in: one row per member key. */
export const presenceTable = 'presence';
