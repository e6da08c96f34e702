/** A request for a lock: who asks, and when it was asked for (ms). */
export interface Claim {
  readonly connectionId: string;
  readonly timestamp: number;
}

/** Whether `a` goes before `b`: the earlier request, then the smaller connection id in plain string order. */
export function precedes(a: Claim, b: Claim): boolean {
  return a.timestamp < b.timestamp || (a.timestamp === b.timestamp && a.connectionId < b.connectionId);
}

/**
 * Who holds a lock, among the requests for it that are alive. A pure function of the set: order of arrival, loss and
 * repetition make no difference, so all who know the same requests name the same holder. It is the rule that official
 * clients follow as well; a service that decides itself replaces this file.
 */
export function holderOf<T extends Claim>(requests: Iterable<T>): T | undefined {
  let holder: T | undefined;
  for (const request of requests) if (!holder || precedes(request, holder)) holder = request;
  return holder;
}
