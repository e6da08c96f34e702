import type { ErrorInfo } from './errors.ts';
import type { FakeClient, FakeClientOptions } from './fakeClient.test-support.ts';
import type { FakeService } from './fakeService.test-support.ts';
import type { Space } from './space.ts';
import { Spaces } from './spaces.ts';
import type { SpaceOptions, SpaceTypes, Subset } from './types.ts';

export interface Person {
  readonly client: FakeClient;
  readonly spaces: Spaces<FakeClient>;
  readonly space: Space<SpaceTypes, FakeClient>;
  readonly id: string;
}

/** A user with a client and a space of that service, not entered. */
export async function visitor(
  service: FakeService,
  clientId: string,
  options?: Subset<SpaceOptions>,
  clientOptions?: FakeClientOptions,
): Promise<Person> {
  const client = service.client(clientId, clientOptions);
  const spaces = new Spaces(client);
  const space = await spaces.get('room', options);
  return { client, spaces, space, id: client.connection.id ?? '' };
}

/** A user who has entered. */
export async function member(service: FakeService, clientId: string, options?: Subset<SpaceOptions>): Promise<Person> {
  const person = await visitor(service, clientId, options);
  await person.space.enter({ name: clientId });
  await service.settled();
  return person;
}

/** The code of the error that a promise rejects with; fails when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<number | undefined> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: ErrorInfo) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`resolved with ${JSON.stringify(outcome.value)}`);
  return outcome.error.code;
}

/** Collects what an emitter tells, as `[event, payload]`. */
export function trace(emitter: {
  // biome-ignore lint/suspicious/noExplicitAny: one collector for the emitters of every event map
  on(listener: (this: { event: any }, payload: any) => void): unknown;
}): [string, unknown][] {
  const events: [string, unknown][] = [];
  emitter.on(function (payload) {
    events.push([this.event, payload]);
  });
  return events;
}
