export { Capability } from './capability.ts';
export { type Operation, operations } from './operation.ts';
