import type { Route } from './router.ts';

/** What clients fetch to see whether there is a network at all; they look for the word. */
export const connectivityRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/is-the-internet-up.txt', answer: () => ({ status: 200, text: 'yes' }) },
];
