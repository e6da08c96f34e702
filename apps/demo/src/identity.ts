import { cleanName } from './person.ts';

const qualities = [
  'Calm',
  'Bright',
  'Swift',
  'Merry',
  'Bold',
  'Gentle',
  'Clever',
  'Sunny',
  'Quiet',
  'Lucky',
  'Brave',
  'Witty',
];
const animals = [
  'Heron',
  'Otter',
  'Fox',
  'Robin',
  'Badger',
  'Lynx',
  'Hare',
  'Swallow',
  'Hedgehog',
  'Marten',
  'Finch',
  'Seal',
];

const visitorKey = 'parvis.visitor';
const nameKey = 'parvis.name';

/** Who sits before this window. Kept in the session of the window, so that another window is another person. */
export class Identity {
  /** A secret that only this window knows. The server makes the clientId from it: nobody else can ask to be the same person. */
  readonly visitor: string;
  #name: string;

  constructor(private readonly storage: Storage) {
    this.visitor = remembered(storage, visitorKey, randomHex);
    this.#name = remembered(storage, nameKey, randomName);
  }

  get name(): string {
    return this.#name;
  }

  /** Takes a new name; false if it is empty. */
  rename(wanted: string): boolean {
    const name = cleanName(wanted);
    if (!name) return false;
    this.#name = name;
    this.storage.setItem(nameKey, name);
    return true;
  }
}

/** Forgets who sat here, so that the next identity is a new person. */
export function forget(storage: Storage): void {
  storage.removeItem(visitorKey);
  storage.removeItem(nameKey);
}

/** A friendly name. */
export function randomName(): string {
  return `${oneOf(qualities)} ${oneOf(animals)}`;
}

function remembered(storage: Storage, key: string, make: () => string): string {
  const value = storage.getItem(key) ?? make();
  storage.setItem(key, value);
  return value;
}

function randomHex(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function oneOf(words: readonly string[]): string {
  return words[(crypto.getRandomValues(new Uint8Array(1))[0] ?? 0) % words.length] ?? '';
}
