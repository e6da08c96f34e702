// The load generator: a process of its own that takes one job at a time over IPC and answers with what it measured.

import { hold, release, storm } from './connects.mjs';
import { cursorRoom } from './cursorRoom.mjs';
import { cursors } from './cursors.mjs';
import { fanOut } from './fanOut.mjs';

/** @type {Record<string, (job: any) => unknown>} */
const kinds = { fanOut, cursors, cursorRoom, storm, hold, release };

process.on('message', async (/** @type {{ kind: string, job: unknown }} */ { kind, job }) => {
  try {
    const run = kinds[kind];
    if (!run) throw new Error(`no job is called ${kind}`);
    process.send?.({ result: await run(job) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
process.on('disconnect', () => process.exit());
