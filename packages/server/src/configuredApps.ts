import { errors } from '@parvis/protocol';
import type { App, Apps } from './access/app.ts';
import { appFromKeys, appsFromKeys, createApps } from './access/apps.ts';
import type { Settings } from './settings/settings.ts';

/**
 * The apps of the settings: those that `apps` describes, and one for each that `keys` names beside them. Throws 40005 for
 * keys that are short, repeated or none at all, and 40003 for an app that stands twice.
 */
export function appsOf(settings: Pick<Settings, 'keys' | 'apps' | 'sandbox'>): Apps {
  const apps = new Map<string, App>();
  const add = (app: App) => {
    if (apps.has(app.id)) throw errors.badParameter('apps', `app ${app.id} is configured twice`);
    apps.set(app.id, app);
  };
  for (const { id: _, keys, ...rest } of settings.apps) add(appFromKeys(keys, rest));
  for (const app of appsFromKeys(settings.keys)) add(app);
  if (apps.size === 0 && !settings.sandbox) {
    throw errors.badCredentials('no API keys: nobody could connect; make one with `parvis keys create`');
  }
  return createApps(apps.values());
}
