// Stands for what your application has already: something that tells from a request who is signed in. Here two people are, by a
// cookie. What matters is that the clientId comes from this side: whatever the browser asks for, it is not asked who it is.
const sessions = new Map([
  ['session-of-ada', 'ada'],
  ['session-of-ben', 'ben'],
]);

/** The user of a Cookie header, or null. */
export function userOf(cookies = '') {
  const session = /(?:^|;\s*)session=([\w-]+)/.exec(cookies)?.[1];
  return sessions.get(session) ?? null;
}
