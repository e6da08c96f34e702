import * as Ably from 'ably';
import { Ephemeral, LocationIndex, leaveOnPageHide, shareActivity, UserList } from './extras.ts';
import type {
  CursorData,
  CursorPosition,
  Cursors,
  CursorsEventMap,
  CursorsOptions,
  CursorUpdate,
  EventEmitter,
  EventListener,
  EventListenerThis,
  Locations,
  LocationsEventMap,
  LocationsEvents,
  Lock,
  LockAttributes,
  LockOptions,
  LockStatus,
  LockStatuses,
  Locks,
  LocksEventMap,
  Members,
  MembersEventMap,
  ProfileData,
  Space,
  SpaceEventMap,
  SpaceEvents,
  SpaceMember,
  SpaceOptions,
  SpaceState,
  SpacesClient,
  Subset,
  UpdateProfileDataFunction,
} from './index.ts';
import Spaces, { ErrorInfo, VERSION } from './index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(isSame: Same<A, B>): boolean => isSame;

// The official client fits the port as it is, and keeps its own types on the way through.
const client = new Ably.Realtime({ key: 'app.key:secret', autoConnect: false });
const port: SpacesClient = client;
const spaces = new Spaces(client);
same<typeof spaces.client, Ably.Realtime>(true);
same<typeof spaces.connection, Ably.Connection>(true);
same<typeof spaces.ably, Ably.Realtime>(true);

/** Untyped use: what compiles against the official package compiles here. */
export async function untyped(): Promise<void> {
  const options: Subset<SpaceOptions> = { cursors: { outboundBatchInterval: 10 } };
  const space = await spaces.get('room', options);
  const plain: Space = space;
  const channel: Ably.RealtimeChannel = space.channel;
  const members: SpaceMember[] = await space.enter({ name: 'Ada', tags: ['a'] });
  await space.updateProfileData((profile) => ({ ...profile, age: 7 }));
  await space.leave(null);
  await space.leave();
  await space.locations.set({ slide: 1 });
  const location: unknown = await space.locations.getSelf();
  const self: SpaceMember | null = await space.members.getSelf();
  const lock: Lock = await space.locks.acquire('card', { attributes: { any: 'thing' } });
  const reason: Ably.ErrorInfo | undefined = lock.reason;
  await space.cursors.set({ position: { x: 1, y: 2 }, data: { state: 'move' } });
  const cursors: Record<string, CursorUpdate | null> = await space.cursors.getAll();
  space.subscribe('update', ({ members: list }) => list.map(({ isConnected }) => isConnected));
  space.subscribe(({ members: list }) => list.length);
  space.subscribe('change', (snapshot) => snapshot.locks.length);
  space.members.subscribe(['enter', 'leave'], function (member) {
    const { event } = this;
    same<typeof event, 'enter' | 'leave'>(true);
    same<typeof member, SpaceMember>(true);
  });
  space.locations.subscribe('update', ({ previousLocation }) => previousLocation);
  space.cursors.subscribe('update', (update) => update.position.x);
  space.locks.subscribe('update', ({ status }) => status === 'locked');
  void [plain, channel, members, location, self, reason, cursors, port, VERSION];
}

interface Board {
  profile: { name: string };
  location: { card: string };
  cursorData: { color: string };
  lockAttributes: { reason: string };
}

/** Typed use: each shape is the application's own, and what does not fit is an error. */
export async function typed(): Promise<void> {
  const space = await spaces.get<Board>('board');
  await space.enter({ name: 'Ada' });
  await space.locations.set({ card: 'a' });
  await space.locks.acquire('a', { attributes: { reason: 'editing' } });
  await space.cursors.set({ position: { x: 0, y: 0 }, data: { color: 'red' } });
  same<Awaited<ReturnType<typeof space.members.getSelf>>, SpaceMember<Board> | null>(true);
  const [member] = await space.members.getAll();
  same<typeof member, SpaceMember<Board> | undefined>(true);
  same<SpaceMember<Board>['profileData'], { name: string } | null>(true);
  same<Lock<Board>['attributes'], { reason: string } | undefined>(true);
  await space.patchProfileData({ name: undefined });
  await space.locations.patch({ card: 'b' });
  same<typeof space.members.snapshot, readonly SpaceMember<Board>[]>(true);
  same<typeof space.members.self, SpaceMember<Board> | null>(true);
  space.members.subscribe('change', ({ added, snapshot }) => [...added, ...snapshot].map((one) => one.location?.card));
  const users = new UserList(space);
  users.subscribe('enter', ({ profileData }) => profileData?.name);
  new LocationIndex(space, { pathOf: ({ card }) => [card] });
  const events = new Ephemeral<{ reaction: string }, Board>(space);
  await events.send('reaction', 'yes');
  const undo = leaveOnPageHide(space, window);
  shareActivity(space, { document: window.document });
  void undo;
  // @ts-expect-error a field that the profile does not have
  await space.patchProfileData({ nome: 'Ada' });
  // @ts-expect-error a location field of another type
  await space.locations.patch({ card: 1 });
  // @ts-expect-error no such event
  await events.send('reactions', 'yes');
  // @ts-expect-error a profile without a name
  await space.enter({ nome: 'Ada' });
  // @ts-expect-error a location of another shape
  await space.locations.set('a');
  // @ts-expect-error attributes of another shape
  await space.locks.acquire('a', { attributes: { why: 1 } });
  // @ts-expect-error cursor data of another shape
  await space.cursors.set({ position: { x: 0, y: 0 }, data: { colour: 'red' } });
  // @ts-expect-error no such event
  space.subscribe('updated', () => {});
  // @ts-expect-error a listener is missing
  space.subscribe('update');
}

// Every name of the official package, with its shape.
same<ProfileData, Record<string, unknown> | null>(true);
same<CursorData, Record<string, unknown>>(true);
same<LockAttributes, Record<string, unknown>>(true);
same<CursorPosition, { x: number; y: number }>(true);
same<CursorsOptions, { outboundBatchInterval: number; paginationLimit: number }>(true);
same<SpaceOptions, { offlineTimeout: number; cursors: CursorsOptions }>(true);
same<LockStatus, 'pending' | 'locked' | 'unlocked'>(true);
same<LockStatuses.Pending | LockStatuses.Locked | LockStatuses.Unlocked, LockStatus>(true);
same<LockOptions, { attributes: LockAttributes }>(true);
same<SpaceMember['profileData'], ProfileData>(true);
same<SpaceMember['location'], unknown>(true);
same<SpaceState, { members: SpaceMember[] }>(true);
same<SpaceEvents.UpdateEvent, { members: SpaceMember[] }>(true);
same<SpaceEventMap, { update: SpaceEvents.UpdateEvent }>(true);
same<MembersEventMap['remove'], SpaceMember>(true);
same<LocationsEventMap, { update: LocationsEvents.UpdateEvent }>(true);
same<LocationsEvents.UpdateEvent['currentLocation'], unknown>(true);
same<CursorsEventMap, { update: CursorUpdate }>(true);
same<LocksEventMap, { update: Lock }>(true);
same<Parameters<UpdateProfileDataFunction>[0], ProfileData>(true);
same<EventListenerThis<'a'>, { event: 'a' }>(true);
same<EventListener<{ a: number }, 'a'>, (this: EventListenerThis<'a'>, param: number) => void>(true);

/** The views are exported as types, and an error of ours passes where one of the client's is asked for. */
export type Views = [Members, Locations, Cursors, Locks, EventEmitter<SpaceEventMap>];
const error: Ably.ErrorInfo = new ErrorInfo('message', 40000, 400);
void error;
