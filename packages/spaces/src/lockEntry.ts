export { LockDesk, type LockQuestion, type LockTerms } from './lockDesk.ts';
export type { LockWait } from './lockWaits.ts';
