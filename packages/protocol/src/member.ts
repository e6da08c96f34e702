/** What tells members of a presence set apart, and which of two of their messages is newer. */
export interface MemberStamp {
  id?: string;
  clientId?: string;
  connectionId?: string;
  /** Ms since the epoch. */
  timestamp?: number;
}

/** Key of a member in a presence set: one clientId may be present from several connections. Connection ids hold no colon. */
export function memberKey(message: Pick<MemberStamp, 'connectionId' | 'clientId'>): string {
  return `${message.connectionId ?? ''}:${message.clientId ?? ''}`;
}

/**
 * Whether `incoming` replaces `existing`, two messages of one member (spec RTP2b). Both ids made by the member's own
 * connection: the greater msgSerial, then the greater index. Else the later timestamp, and of equal ones the incoming.
 * What cannot be compared is not newer. The official client decides by the same rule, so both ends keep the same set.
 */
export function isNewer(incoming: MemberStamp, existing: MemberStamp): boolean {
  if (isSynthesised(incoming) || isSynthesised(existing)) {
    return (incoming.timestamp ?? Number.NaN) >= (existing.timestamp ?? Number.NaN);
  }
  const [serial, index] = ordinals(incoming);
  const [otherSerial, otherIndex] = ordinals(existing);
  return serial === otherSerial ? index > otherIndex : serial > otherSerial;
}

function isSynthesised({ id, connectionId }: MemberStamp): boolean {
  return !id || !connectionId || !id.startsWith(connectionId);
}

function ordinals({ id = '' }: MemberStamp): [msgSerial: number, index: number] {
  const [, msgSerial = '', index = ''] = id.split(':');
  return [Number.parseInt(msgSerial, 10), Number.parseInt(index, 10)];
}
