import { describe, expect, it } from 'vitest';
import { AttachLine } from './attachLine.ts';

/** A line in which each channel says what became of it. */
function line() {
  const attachLine = new AttachLine();
  const told: string[] = [];
  const wait = (name: string) => attachLine.wait(name).then((isTurn) => told.push(`${name} ${isTurn}`));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { attachLine, told, wait, turn };
}

describe('the line of channels that want to attach', () => {
  it('[AT9] has one turn at a time, in the order of asking', async () => {
    const { attachLine, told, wait, turn } = line();
    for (const name of ['a', 'b', 'c']) wait(name);
    await turn();
    expect(told).toEqual(['a true']);
    attachLine.done();
    await turn();
    attachLine.done();
    await turn();
    expect(told).toEqual(['a true', 'b true', 'c true']);
  });

  it('[attack 19] holds each channel once, at the place where it last asked, and none that was given up', async () => {
    const { attachLine, told, wait, turn } = line();
    wait('first');
    for (let i = 0; i < 1_000; i++) {
      wait('again');
      wait(`gone ${i}`);
      attachLine.leave(`gone ${i}`);
    }
    wait('between');
    wait('again');
    expect(attachLine.size).toBe(2);
    await turn();
    told.length = 0;
    attachLine.done();
    await turn();
    attachLine.done();
    await turn();
    expect(told).toEqual(['between true', 'again true']);
  });

  it('[attack 19] lets everybody go when the connection ends', async () => {
    const { attachLine, told, wait, turn } = line();
    for (const name of ['a', 'b', 'c']) wait(name);
    attachLine.clear();
    await turn();
    expect(told).toEqual(['a true', 'b false', 'c false']);
    expect(attachLine.size).toBe(0);
  });
});
