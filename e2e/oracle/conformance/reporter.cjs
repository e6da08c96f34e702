// A reporter for mocha: one line of JSON for each test into the file that PARVIS_REPORT names, written at once, so that
// a run that is ended from outside loses nothing. Mocha 8 loads it, by its path.
const { appendFileSync } = require('node:fs');

/** The first line, within reason. @param {unknown} failure */
const firstLine = (failure) => {
  const text = failure instanceof Error ? failure.message : String(failure?.message ?? failure);
  return text.split('\n', 1)[0].slice(0, 300);
};

module.exports = class {
  constructor(runner) {
    const write = (event) => appendFileSync(process.env.PARVIS_REPORT, `${JSON.stringify(event)}\n`);
    runner.on('pass', (test) => write({ title: test.fullTitle(), state: 'passed' }));
    runner.on('pending', (test) => write({ title: test.fullTitle(), state: 'pending' }));
    runner.on('fail', (test, failure) => {
      write({ title: test.fullTitle(), state: 'failed', message: firstLine(failure) });
      console.error(failure?.stack ?? failure);
    });
    runner.on('end', () => write({ end: true }));
  }
};
