// npm run conformance -- <folder> [--file rest/push]… [--transport comet]… [--format json]… [--server bin.js] [--timeout s]
//   [--commit id] [--record] [--report file]

import { conformance } from './conformance.ts';

process.exitCode = await conformance(process.argv.slice(2), console.log);
