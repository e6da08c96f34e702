import type { Row } from '../engine/engine.ts';
import { keyPart, type PushRows, type PushWrite } from './pushRows.ts';

/** How a device is reached. Of transports that Parvis does not have it is kept as it was given. */
export type PushRecipient =
  /** A channel of the same app, on which a key of the app may publish: the transport that needs no vendor. */
  | { readonly transportType: 'ablyChannel'; readonly channel: string; readonly keyName: string }
  | { readonly transportType: string; readonly [field: string]: unknown };

/** A device that notifications can be sent to. */
export interface PushDevice {
  readonly id: string;
  readonly clientId?: string;
  readonly platform: string;
  readonly formFactor: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly recipient: PushRecipient;
  /** What the device made up for itself, to show who it is before it has a token. */
  readonly secret?: string;
  /** Random; identity tokens that say another are void. */
  readonly generation: string;
}

/** Which devices are asked for. */
export interface DeviceQuery {
  readonly deviceId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** Devices of an app, by id and by client. */
export class PushDevices {
  readonly #rows: PushRows;

  constructor(rows: PushRows) {
    this.#rows = rows;
  }

  async get(app: string, id: string): Promise<PushDevice | undefined> {
    return deviceIn(await this.#rows.one(app, 'devices', keyPart(id)));
  }

  /** Sets a device to what `next` makes of it as it is. Rejects with what `next` throws, and 40300 when there are too many. */
  save(app: string, id: string, next: (now: PushDevice | undefined) => PushDevice): Promise<PushDevice> {
    return this.#rows.change(app, async () => {
      const was = await this.#rows.one(app, 'devices', keyPart(id));
      const device = next(deviceIn(was));
      const writes = [{ table: 'devices', key: keyPart(id), value: device, was } as const];
      return { writes: [...writes, ...(await this.#moved(app, deviceIn(was), device))], result: device };
    });
  }

  /** Nothing happens if it is not there. */
  remove(app: string, id: string): Promise<void> {
    return this.#rows.change(app, async () => {
      const was = await this.#rows.one(app, 'devices', keyPart(id));
      if (was === undefined) return { writes: [], result: undefined };
      const writes = [{ table: 'devices', key: keyPart(id), was } as const];
      return { writes: [...writes, ...(await this.#moved(app, deviceIn(was), undefined))], result: undefined };
    });
  }

  /** A page of devices; filters combine. */
  async list(app: string, query: DeviceQuery): Promise<{ items: PushDevice[]; next?: string }> {
    const { deviceId, clientId, limit } = query;
    if (deviceId !== undefined) {
      const device = await this.get(app, deviceId);
      const fits = device !== undefined && (clientId === undefined || device.clientId === clientId);
      return { items: fits ? [device] : [] };
    }
    const items: PushDevice[] = [];
    let last: string | undefined;
    for await (const [key, device] of this.#walk(app, clientId, query.cursor)) {
      if (items.length === limit) return { items, ...(last === undefined ? {} : { next: last }) };
      items.push(device);
      last = key;
    }
    return { items };
  }

  /** All devices of a client. */
  async ofClient(app: string, clientId: string): Promise<PushDevice[]> {
    const devices: PushDevice[] = [];
    for await (const [, device] of this.#walk(app, clientId)) devices.push(device);
    return devices;
  }

  async *#walk(app: string, clientId?: string, cursor?: string): AsyncGenerator<[key: string, device: PushDevice]> {
    const [table, prefix] =
      clientId === undefined ? (['devices', ''] as const) : (['clientDevices', `${keyPart(clientId)} `] as const);
    for await (const row of this.#rows.under(app, table, prefix, cursor)) {
      const device = clientId === undefined ? deviceIn(row) : await this.get(app, String(row.value));
      if (device !== undefined) yield [row.key, device];
    }
  }

  /** What changes in the table by client when a device becomes another. */
  async #moved(app: string, before: PushDevice | undefined, after: PushDevice | undefined): Promise<PushWrite[]> {
    if (before?.clientId === after?.clientId) return [];
    const writes: PushWrite[] = [];
    for (const [device, value] of [
      [before, undefined],
      [after, after?.id],
    ] as const) {
      if (device?.clientId === undefined) continue;
      const key = `${keyPart(device.clientId)} ${keyPart(device.id)}`;
      const was = await this.#rows.one(app, 'clientDevices', key);
      if (value === undefined && was === undefined) continue;
      writes.push({ table: 'clientDevices', key, was, ...(value === undefined ? {} : { value }) });
    }
    return writes;
  }
}

function deviceIn(row: Row | undefined): PushDevice | undefined {
  return row?.value as PushDevice | undefined;
}
