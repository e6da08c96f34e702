/** Where frames come from: as `requestAnimationFrame` does, `request` calls back once, with the time in ms. */
export interface FrameSource {
  request(callback: (time: number) => void): unknown;
  cancel(handle: unknown): void;
  /** Now, on the clock of the frames. */
  now(): number;
}

const FRAME_MS = 16;

/** The frames of the page; where there is no page, a timer. */
export const pageFrames: FrameSource = {
  request: (callback) =>
    typeof requestAnimationFrame === 'function'
      ? requestAnimationFrame(callback)
      : setTimeout(() => callback(performance.now()), FRAME_MS),
  cancel: (handle) =>
    typeof cancelAnimationFrame === 'function'
      ? cancelAnimationFrame(handle as number)
      : clearTimeout(handle as ReturnType<typeof setTimeout>),
  now: () => performance.now(),
};
