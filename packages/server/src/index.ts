export type { KeyOptions } from './access/apps.ts';
export type { IssuerAlgorithm, IssuerOptions } from './access/issuer.ts';
export { type Clock, systemClock } from './clock.ts';
export { defaultLimits, type Limits } from './limits.ts';
export type { Log } from './observe/log.ts';
export { type AppOption, createServer, type Listening, type ParvisServer, type ServerOptions } from './server.ts';
export type { AppSetting, LogLevel, NamespaceSetting, Settings } from './settings/settings.ts';
