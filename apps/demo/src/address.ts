/** What the address of the page says. */
export interface Address {
  readonly space: string;
  /** Whether the window is to be somebody new. */
  readonly isNewPerson: boolean;
}

const defaultSpace = 'market-day';

/** Reads the query of the page's address; a space name of other characters is not taken. */
export function readAddress(search: string): Address {
  const query = new URLSearchParams(search);
  const space = query.get('space') ?? '';
  return { space: /^[\w-]{1,40}$/.test(space) ? space : defaultSpace, isNewPerson: query.get('person') === 'new' };
}

/** The query for a page in this space, for the same person or a new one. */
export function queryFor({ space, isNewPerson }: Address): string {
  const query = new URLSearchParams();
  if (space !== defaultSpace) query.set('space', space);
  if (isNewPerson) query.set('person', 'new');
  const text = query.toString();
  return text && `?${text}`;
}
