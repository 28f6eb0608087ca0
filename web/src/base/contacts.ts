// The address book as a list: what makes two entries the same, and how lists come together.
import { plainAddress } from './model';
import { addressPattern, looksLikeEmail, utf8Length } from './rules';

export type ContactChannel = 'sms' | 'wa' | 'tg' | 'notify' | 'email' | 'tg_bot' | 'pchat';

export interface ContactLike {
  name: string;
  channel: ContactChannel;
  address: string;
}

/** As many as the relay keeps. */
export const BOOK_MOST = 5000;
const NAME_BYTES = 256;
const ADDRESS_BYTES = 254;

export const channelsOfBook: ContactChannel[] = ['pchat', 'sms', 'wa', 'tg', 'email'];

/** A number with + and digits only; 00 in front of it means the same as +. */
export function plainNumber(text: string): string {
  const n = text.replace(/[^+\d]/g, '').replace(/(?!^)\+/g, '');
  return n.startsWith('00') ? `+${n.slice(2)}` : n;
}

/** An address as it is kept; '' when it is none of that channel. */
export function cleanAddress(channel: ContactChannel, text: string): string {
  const s = text.normalize('NFC').replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ').trim();
  if (channel === 'email') return looksLikeEmail(s.replace(/^mailto:/i, '')) ? s.replace(/^mailto:/i, '').toLowerCase() : '';
  if (channel === 'pchat') return addressPattern.test(s.replace(/^@/, '').toLowerCase()) ? s.replace(/^@/, '').toLowerCase() : '';
  if (channel === 'sms' || channel === 'wa') {
    const n = plainNumber(s.replace(/^tel:/i, ''));
    return /^\+?\d{2,20}$/.test(n) ? n : '';
  }
  return utf8Length(s) <= ADDRESS_BYTES ? s : '';
}

/** One line that the relay takes as a name. */
export function cleanName(text: string): string {
  let s = text.normalize('NFC').replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').replace(/\s+/g, ' ').trim();
  while (utf8Length(s) > NAME_BYTES) s = Array.from(s).slice(0, -1).join('');
  return s;
}

/** Entries with the same key are the same contact. */
export const bookKey = (c: ContactLike): string => `${c.channel === 'tg_bot' ? 'tg' : c.channel}:${c.channel === 'sms' || c.channel === 'wa' ? plainNumber(plainAddress(c.channel, c.address)) || c.address : c.address.replace(/^@/, '').toLowerCase()}`;

/** Those that the list has not yet, each once. */
export function newOnes<C extends ContactLike>(list: C[], more: C[]): C[] {
  const known = new Set(list.map(bookKey));
  return more.filter((c) => !known.has(bookKey(c)) && known.add(bookKey(c)));
}

/** The list with more of them: a known one keeps its place and its name. */
export const withMore = <C extends ContactLike>(list: C[], more: C[]): C[] => [...list, ...newOnes(list, more)];

/** The list with one in place of another one (null: a new one); the same address is never there twice. */
export function withOne<C extends ContactLike>(list: C[], old: C | null, next: C): C[] {
  const drop = new Set([bookKey(next), ...(old ? [bookKey(old)] : [])]);
  const at = list.findIndex((c) => drop.has(bookKey(c)));
  const rest = list.filter((c) => !drop.has(bookKey(c)));
  rest.splice(at < 0 ? rest.length : Math.min(at, rest.length), 0, next);
  return rest;
}

export const without = <C extends ContactLike>(list: C[], gone: C): C[] => list.filter((c) => bookKey(c) !== bookKey(gone));
