// A server of the bench in its own process: `node child.mjs <name> <options as JSON>`. Tells its port over IPC when it
// listens, its memory when asked, and ends with its parent.

const [name, options] = process.argv.slice(2);
const server = await import(`./${name}.mjs`);
const { port } = await server.start(JSON.parse(options ?? '{}'));

process.on('message', async () => {
  // Twice with a pause, so that what finalizers let go in the first round is gone as well; the same for every server.
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  process.send?.({ rss: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit());
process.send?.({ port });
