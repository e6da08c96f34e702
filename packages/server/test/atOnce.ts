/** What an answer is that must be there at once; fails for one that is still to come. */
export function atOnce<T>(answer: T | Promise<T>): T {
  if (answer instanceof Promise) throw new Error('the answer is not there yet');
  return answer;
}
