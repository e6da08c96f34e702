export { type Activity, type ActivityOptions, activityOf, type PageLike, shareActivity } from './activity.ts';
export { type ConnectionStatus, ConnectionWatch, type ConnectionWatchEventMap } from './connectionWatch.ts';
export { Ephemeral, type EphemeralEvent, type EphemeralOptions } from './ephemeral.ts';
export { LocationIndex, type LocationIndexOptions, type Path, type PlaceEventMap } from './locationIndex.ts';
export { hide, leaveOnPageHide, type WindowLike } from './pageLeave.ts';
export { select } from './select.ts';
export { Traffic, type TrafficCount, type TrafficOptions } from './traffic.ts';
export { type SpaceUser, UserList, type UserListEventMap } from './userList.ts';
