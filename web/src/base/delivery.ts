// What keeps a message to the outside, told from what the relay knows of the phones.
import type { State } from './model';

export interface PhoneLike {
  phone_id: string;
  last_seen_at?: number;
  leased: number;
}

/** After so long without a phone the wait is no ordinary one any more. */
export const SILENT_MS = 10 * 60_000;

export type Wait =
  | { kind: 'none' }
  /** No phone has ever fetched anything. */
  | { kind: 'no-phone' }
  | { kind: 'waits'; phone: string }
  /** Nothing was fetched for so many minutes; `phone` '' is any of them. */
  | { kind: 'silent'; phone: string; minutes: number }
  | { kind: 'claimed'; phone: string };

/** `open`: one's own messages of the chat that are not sent yet. `phone`: the one that they are for, '' any. */
export function waitOf(open: { state: State; at: number }[], phone: string, phones: PhoneLike[], now: number): Wait {
  const queued = open.filter((m) => m.state === 'queued').map((m) => m.at);
  const mine = phones.filter((p) => p.phone_id && (!phone || p.phone_id === phone));
  if (!queued.length) {
    if (!open.some((m) => m.state === 'claimed')) return { kind: 'none' };
    const holders = mine.filter((p) => p.leased > 0);
    const holder = holders.length === 1 ? holders[0] : mine.length === 1 ? mine[0] : undefined;
    return { kind: 'claimed', phone: phone || holder?.phone_id || '' };
  }
  const seen = Math.max(0, ...mine.map((p) => p.last_seen_at ?? 0));
  if (!seen) return { kind: 'no-phone' };
  // it waits since it was written, and no phone has come since it was last seen
  const since = Math.max(seen, Math.min(...queued));
  const known = phone || (mine.length === 1 ? mine[0]!.phone_id : '');
  return now - since >= SILENT_MS ? { kind: 'silent', phone: known, minutes: Math.floor((now - since) / 60_000) } : { kind: 'waits', phone: known };
}
