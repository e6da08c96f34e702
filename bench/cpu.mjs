import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Kernel ticks a second in /proc: 100 on every Linux that Node supports. */
const ticksPerSecond = 100;

/**
 * CPU time that a process has used so far, user and system, all threads, in microseconds (steps of 10 ms).
 * Read from outside, so that a busy server is neither asked nor disturbed. Throws where /proc or the process is missing.
 * @param {number} pid
 */
export function cpuMicros(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command name stands in brackets and may hold spaces: fields are counted after its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / ticksPerSecond;
}

/** Cores in use on the whole machine, over a fifth of a second. Asked while the bench rests, it tells what others use. */
export async function coresInUse() {
  const busyTicks = () => {
    const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'latin1')
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return [user, nice, system, irq, softirq, steal].reduce(
      (/** @type {number} */ sum, ticks) => sum + (ticks ?? 0),
      0,
    );
  };
  const [ticks, began] = [busyTicks(), performance.now()];
  await delay(200);
  return (busyTicks() - ticks) / ticksPerSecond / ((performance.now() - began) / 1000);
}
