import { headerBytes, Opcode, serverFrame } from '../frame.mjs';
import { payload } from '../payload.mjs';

/** A delivery with the fields that the Ably protocol gives it, for a run without the server under test. */
const typical = {
  action: 15,
  id: 'a1b2c3d4e5f6:0',
  connectionId: 'a1b2c3d4e5f6',
  channel: 'bench:room',
  channelSerial: '01700000000000-000000@a1b2c3d4e5f6',
  timestamp: 1700000000000,
  messages: [{ name: 'm', data: payload(0, 0), action: 0, serial: '01700000000000-000000@a1b2c3d4e5f6' }],
};

/**
 * The frame that a server delivers, to be repeated by the references, so that all write the same number of bytes.
 * @param {string | undefined} frame base64: as the server under test sent it. Without it, a typical one
 */
export function deliveryFrame(frame) {
  return frame ? Buffer.from(frame, 'base64') : serverFrame(Opcode.TEXT, JSON.stringify(typical));
}

/**
 * Makes the JSON text of deliveries of that shape with the data of a publish and the time of now.
 * @param {string | undefined} frame
 * @returns {(message: { name: string, data: unknown }, channel: string) => string}
 */
export function deliveryMaker(frame) {
  const bytes = deliveryFrame(frame);
  const like = JSON.parse(bytes.subarray(headerBytes(/** @type {number} */ (bytes[1]))).toString());
  const [first] = like.messages;
  return (message, channel) =>
    JSON.stringify({
      ...like,
      channel,
      timestamp: Date.now(),
      messages: [{ ...first, name: message.name, data: message.data }],
    });
}
