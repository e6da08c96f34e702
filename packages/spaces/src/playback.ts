export { contentBox, onResize, type PlaceBox, type PlaceElement, placeIn, pointAt } from './cursorPlace.ts';
export { CursorPlayback, type PlaybackListener, type PlaybackOptions, type PlayedCursor } from './cursorPlayback.ts';
export { type FrameSource, pageFrames } from './frames.ts';
export type { DelayBounds } from './senderClock.ts';
