import { Spaces } from './spaces.ts';

export type {
  ChannelChange,
  ChannelOf,
  ChannelPort,
  ConnectionChange,
  ConnectionPort,
  ErrorLike,
  HistoryPage,
  MessageLike,
  PresenceMessageLike,
  PresencePort,
  SpacesClient,
} from './client.ts';
export type { Cursors, CursorsEventMap } from './cursors.ts';
export type { EventEmitter, EventListener, EventListenerThis, SubscribeOptions, Unsubscribe } from './emitter.ts';
export { ErrorInfo, InvalidArgumentError } from './errors.ts';
export type { Locations, LocationsEventMap, LocationsEvents } from './locations.ts';
export type { LockOptions, Locks, LocksEventMap, LocksNamedEventMap } from './locks.ts';
export type { Members, MembersEventMap, MembersNamedEventMap } from './members.ts';
export type {
  Space,
  SpaceEventMap,
  SpaceEvents,
  SpaceNamedEventMap,
  SpaceState,
  UpdateProfileDataFunction,
} from './space.ts';
export type {
  CursorData,
  CursorDataOf,
  CursorPosition,
  CursorsOptions,
  CursorUpdate,
  ListChange,
  LocationOf,
  Lock,
  LockAttributes,
  LockAttributesOf,
  LockStatus,
  LockStatuses,
  Patch,
  PresenceAction,
  ProfileData,
  ProfileOf,
  SpaceMember,
  SpaceOptions,
  SpaceSnapshot,
  SpaceTypes,
  Subset,
} from './types.ts';
export { VERSION } from './version.ts';
export { Spaces };
export default Spaces;
