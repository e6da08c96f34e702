import { describe, expect, test } from 'vitest';
import { splineAt } from './cursorSpline.ts';
import { CursorTrack, type TrackPoint } from './cursorTrack.ts';
import { randomOf } from './random.test-support.ts';
import { SenderClock } from './senderClock.ts';

const FRAME = 16;
const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);

interface Sent {
  readonly points: TrackPoint[];
  readonly arrival: number;
}

/** A sender at 60 Hz whose batches leave every 50 ms, over a network of 20 ms plus `jitter`, in order as TCP has it. */
function trace(path: (t: number) => { x: number; y: number }, ms: number, jitter: (at: number) => number): Sent[] {
  const batches: Sent[] = [];
  for (let start = 0, arrived = 0; start < ms; start += 50) {
    const points: TrackPoint[] = [];
    for (let t = start; t < start + 50; t += 1000 / 60) points.push({ t, ...path(t) });
    arrived = Math.max(arrived, start + 50 + 20 + jitter(start));
    batches.push({ points, arrival: arrived });
  }
  return batches;
}

/** Plays a trace in frames; calls back after each. */
function play(batches: readonly Sent[], ms: number, seen: (track: CursorTrack, now: number) => void): SenderClock {
  const track = new CursorTrack();
  const clock = new SenderClock({ min: 20, max: 100 });
  const left = [...batches];
  for (let now = left[0]?.arrival ?? 0; now < ms; now += FRAME) {
    for (; left[0] && left[0].arrival <= now; left.shift()) {
      const { points, arrival } = left[0];
      clock.heard(points[0]?.t ?? 0, points[points.length - 1]?.t ?? 0, arrival);
      track.add(points);
    }
    track.step(clock.playing(now), FRAME);
    seen(track, now);
  }
  return clock;
}

const quantile = (values: number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)];

describe('the path of a cursor', () => {
  test('[CR7] with jitter of 80 ms and batches that are late it never goes back, and lags little', () => {
    const lags: number[] = [];
    for (const seed of SEEDS) {
      const random = randomOf(seed);
      const jitter = () => random() * 80 + (random() < 0.02 ? 100 : 0);
      let last = Number.NEGATIVE_INFINITY;
      play(
        trace((t) => ({ x: t, y: -2 * t }), 6_000, jitter),
        6_000,
        ({ x, y }, now) => {
          expect(x, `seed ${seed}`).toBeGreaterThanOrEqual(last - 1e-6);
          expect(y).toBeCloseTo(-2 * x, 5);
          last = x;
          // Behind where the sender is, its network and the filling of its batches included; a second is for learning.
          if (now > 1_000) lags.push(now - x);
        },
      );
    }
    expect(quantile(lags, 0.95)).toBeLessThan(150);
  });

  test.each(SEEDS)('[CR8] however positions come, it ends exactly on the last one, seed %i', (seed) => {
    const random = randomOf(seed);
    const end = 500 + Math.floor(random() * 1_000);
    const batches = trace(
      () => ({ x: random() * 100, y: random() * 100 }),
      end,
      () => random() * 300,
    );
    const last = batches[batches.length - 1]?.points.at(-1);
    let shown: object = {};
    play(batches, end + 2_000, ({ x, y }) => {
      shown = { x, y };
    });
    expect(shown).toEqual({ x: last?.x, y: last?.y });
  });

  test('[CR6] it has no jumps, whatever arrives in one go', () => {
    const circle = (t: number) => ({ x: 200 * Math.cos(t / 300), y: 200 * Math.sin(t / 300) });
    const batches = trace(circle, 4_000, (at) => (at % 1_000 === 500 ? 120 : 0));
    let before: { x: number; y: number } | undefined;
    let longest = 0;
    play(batches, 4_000, ({ x, y }) => {
      if (before) longest = Math.max(longest, Math.hypot(x - before.x, y - before.y));
      before = { x, y };
    });
    // The sender makes 10.7 in a frame.
    expect(longest).toBeLessThan(32);
    expect(longest).toBeGreaterThan(8);
  });

  test('[CR6] the curve goes through the positions and never beyond two neighbours', () => {
    const random = randomOf(7);
    const knots = Array.from({ length: 50 }, (_, i) => ({ t: i * 10 + random() * 8, x: random(), y: random() }));
    for (let i = 0; i + 1 < knots.length; i++) {
      const [from, to] = [knots[i], knots[i + 1]];
      if (!from || !to) continue;
      for (let s = 0; s <= 1; s += 0.1) {
        const { x } = splineAt(knots, i, from.t + s * (to.t - from.t));
        expect(x).toBeGreaterThanOrEqual(Math.min(from.x, to.x) - 1e-9);
        expect(x).toBeLessThanOrEqual(Math.max(from.x, to.x) + 1e-9);
      }
      expect(splineAt(knots, i, from.t).x).toBeCloseTo(from.x, 9);
      expect(splineAt(knots, i, to.t).x).toBeCloseTo(to.x, 9);
    }
  });

  test('[CR9] where nothing comes the movement goes on a little, stays, and goes back to what is known', () => {
    const track = new CursorTrack();
    track.add([0, 10, 20, 30].map((t) => ({ t, x: t, y: 0 })));
    const at: number[] = [];
    for (let t = 0; t < 1_000; t += 10) {
      track.step(t, 10);
      at.push(track.x);
    }
    const furthest = Math.max(...at);
    expect(furthest).toBeGreaterThan(40);
    expect(furthest).toBeLessThan(56);
    expect(at[18]).toBe(furthest);
    expect(at[at.length - 1]).toBe(30);
  });

  test('[CR9] a cursor that jumps after a rest does not go beyond', () => {
    const track = new CursorTrack();
    track.add([{ t: 0, x: 0, y: 0 }]);
    track.add([{ t: 5_000, x: 500, y: 0 }]);
    let furthest = 0;
    for (let t = 4_900; t < 6_000; t += 10) {
      track.step(t, 10);
      furthest = Math.max(furthest, track.x);
    }
    expect(furthest).toBe(500);
  });
});

describe('surfaces', () => {
  test('[CR11] from one surface to another a cursor jumps, and no place between the two is shown', () => {
    const track = new CursorTrack();
    const on = (surface: string, from: number) =>
      [0, 10, 20, 30].map((t) => ({
        t: from + t,
        x: (surface === 'a' ? 0 : 900) + t,
        y: 0,
        surface,
        data: { surface },
      }));
    track.add(on('a', 0));
    track.add(on('b', 40));
    const seen: [string, number][] = [];
    for (let t = 0; t < 1_000; t += 3) {
      track.step(t, 3);
      seen.push([(track.data as { surface: string }).surface, track.x]);
    }
    for (const [surface, x] of seen) {
      if (surface === 'a') expect(x).toBeLessThan(60);
      else expect(x).toBeGreaterThanOrEqual(900);
    }
    expect(seen.filter(([surface]) => surface === 'a').length).toBeGreaterThan(10);
    expect(seen.at(-1)).toEqual(['b', 930]);
  });
});

describe('the clock of a sender', () => {
  test('[CR7] the delay follows the jitter, up at once and down by and by', () => {
    const clock = new SenderClock({ min: 20, max: 100 });
    const hear = (n: number, jitter: () => number) => {
      for (let i = 0; i < n; i++) clock.heard(1_000_000, 1_000_000, jitter());
    };
    hear(20, () => 0);
    expect(clock.delay).toBe(20);
    let turn = 0;
    const shaky = () => (turn++ % 3) * 45;
    hear(16, shaky);
    expect(clock.delay).toBeGreaterThan(90);
    hear(1, () => 0);
    expect(clock.delay).toBeGreaterThan(80);
    hear(200, () => 0);
    expect(clock.delay).toBeLessThan(21);
    hear(100, () => Math.random() * 1_000);
    expect(clock.delay).toBeLessThanOrEqual(100);
  });

  test('[CR7] clocks that differ do not matter, and one that is set anew is known', () => {
    const clock = new SenderClock({ min: 20, max: 100 });
    expect(clock.heard(9e12, 9e12, 100)).toBe(true);
    expect(clock.heard(9e12 + 50, 9e12 + 50, 150)).toBe(true);
    expect(clock.playing(150)).toBe(9e12 + 50 - 20);
    expect(clock.heard(1_000, 1_000, 200)).toBe(false);
    expect(clock.playing(200)).toBeLessThanOrEqual(1_000);
  });
});
