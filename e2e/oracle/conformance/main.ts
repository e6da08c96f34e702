// npm run conformance -- <folder> [--file rest/push]… [--transport comet]… [--format json]… [--server bin.js] [--timeout s]
//   [--jobs n] [--commit id] [--record] [--report file]

import { conformance } from './conformance.ts';

// What was started ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await conformance(process.argv.slice(2), console.log);
