import type * as Ably from 'ably';
import { describe, expect, it } from 'vitest';
import { eventually, formats, inState, startOracle } from './harness.ts';

const key = 'pushing.key:a-secret-of-32-characters-or-so!!';
const namespaces = [{ id: 'alerts', pushEnabled: true }];
const oracle = await startOracle({ keys: [], apps: [{ id: 'pushing', keys: [key], namespaces }] });
const payload = { notification: { title: 'hello' }, data: { to: 'you' } };

describe.each(formats)('the official client administers push (%s)', (format) => {
  const channel = `alerts:${format}`;
  const recipient = {
    transportType: 'ablyChannel',
    channel: `inbox ${format}`,
    ablyKey: key,
    ablyUrl: 'http://192.0.2.1',
  };
  const device = (id: string, clientId: string) =>
    ({
      id,
      clientId,
      platform: 'browser',
      formFactor: 'desktop',
      push: { recipient },
    }) as unknown as Ably.DeviceDetails;

  it('[PU4] it saves devices, lists them and removes them', async () => {
    const { deviceRegistrations } = oracle.rest(format, { key }).push.admin;
    const clientId = `lister ${format}`;
    for (const id of ['a', 'b', 'c']) await deviceRegistrations.save(device(`${format} ${id}`, clientId));
    const first = await deviceRegistrations.list({ clientId, limit: 2 });
    const second = await first.next();
    const ids = [...first.items, ...(second?.items ?? [])].map(({ id }) => id);
    expect(ids).toEqual(['a', 'b', 'c'].map((id) => `${format} ${id}`));
    expect(second?.isLast()).toBe(true);
    await deviceRegistrations.removeWhere({ clientId });
    await expect(deviceRegistrations.get(`${format} a`)).rejects.toMatchObject({ code: 40400, statusCode: 404 });
  });

  it('[PU16] a message with a notification reaches a device that is subscribed', async () => {
    const { admin } = oracle.rest(format, { key }).push;
    const deviceId = `${format} reader`;
    await admin.deviceRegistrations.save(device(deviceId, `reader ${format}`));
    await admin.channelSubscriptions.save({ channel, deviceId });
    expect((await admin.channelSubscriptions.listChannels({})).items).toContain(channel);
    const inbox = oracle.realtime(format, { key }).channels.get(recipient.channel);
    const arrived = eventually<Ably.InboundMessage>('the notification', (resolve) => {
      void inbox.subscribe('__ably_push__', resolve);
    });
    await inState(inbox, 'attached');
    await oracle
      .rest(format, { key })
      .channels.get(channel)
      .publish({ name: 'm', extras: { push: payload } });
    expect(JSON.parse((await arrived).data)).toEqual(payload);
  });

  it('[PU13] a notification for a vendor is refused with a reason', async () => {
    const { admin } = oracle.rest(format, { key }).push;
    const fcm = { transportType: 'fcm', registrationToken: 'x' };
    await expect(admin.publish(fcm, payload)).rejects.toMatchObject({ code: 103006, statusCode: 400 });
  });
});
