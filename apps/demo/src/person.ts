import type { SpaceMember } from '@parvis/spaces';
import { coloursOf } from './colour.ts';

/** What the demo's members tell of themselves. */
export interface Profile {
  name: string;
  /** The page is open, but not in sight. */
  away: boolean;
}

/** Where the demo's members are. */
export interface Place {
  card: string;
}

/** A member as the page shows it. */
export interface Person {
  readonly connectionId: string;
  readonly clientId: string;
  readonly name: string;
  readonly initials: string;
  readonly colour: string;
  /** `gone`: left, and not removed from the list yet. */
  readonly presence: 'here' | 'away' | 'gone';
  readonly isSelf: boolean;
  /** Id of the card where the person is. */
  readonly card: string | null;
}

/** Longest name that is shown. */
export const maxNameLength = 32;

/** The people behind the members. What members have written about themselves is checked, for it comes from other pages. */
export function peopleOf(members: readonly SpaceMember[], selfConnectionId: string | undefined): Person[] {
  const colours = coloursOf(members.map(({ clientId }) => clientId));
  return members.map((member) => personOf(member, selfConnectionId, colours.get(member.clientId) ?? ''));
}

/** The name of a member, checked as well. */
export function nameOf({ profileData, clientId }: SpaceMember): string {
  return cleanName(field(profileData, 'name')) ?? clientId;
}

function personOf(member: SpaceMember, selfConnectionId: string | undefined, colour: string): Person {
  const { clientId, connectionId, isConnected } = member;
  const name = nameOf(member);
  const isAway = field(member.profileData, 'away') === true;
  return {
    connectionId,
    clientId,
    name,
    initials: initialsOf(name),
    colour,
    presence: isConnected ? (isAway ? 'away' : 'here') : 'gone',
    isSelf: connectionId === selfConnectionId,
    card: text(field(member.location, 'card')),
  };
}

/** A name without line breaks, invisible characters and surplus space, cut to what is shown; null if nothing is left. */
export function cleanName(value: unknown): string | null {
  const plain = text(value)
    ?.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return plain ? Array.from(plain).slice(0, maxNameLength).join('').trim() : null;
}

/** One or two letters for an avatar. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map((word) => Array.from(word ?? '')[0]?.toUpperCase() ?? '').join('') || '?';
}

function field(from: unknown, name: string): unknown {
  return typeof from === 'object' && from !== null ? (from as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
