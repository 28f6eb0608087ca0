// What the client keeps. Times are Unix milliseconds of the relay's clock.

/** How far a message of one's own has come; `in` is everybody else's. Only those to the outside are `queued` and `claimed`. */
export type State = 'in' | 'waiting' | 'queued' | 'claimed' | 'sent' | 'delivered' | 'read' | 'failed' | 'expired' | 'unsure';

export interface Attachment {
  /** The relay's id; absent while one's own file is on its way up. */
  file_id?: string;
  /** Key of the bytes in the store. */
  key: string;
  name: string;
  mime: string;
  size: number;
  width?: number;
  height?: number;
  duration_ms?: number;
  preview?: string;
  /** here: bytes are on this device; away: to be fetched; gone: the relay has it no more. */
  at: 'here' | 'away' | 'gone';
}

/** What a machine wrote down of a voice note; '' where nobody speaks. */
export interface Transcript {
  text: string;
  lang?: string;
  /** Whose work it is. */
  by: string;
}

export interface GroupEvent {
  type: string;
  chat_address?: string;
  role?: string;
}

export interface Action {
  label: string;
  method: string;
  path: string;
}

export interface Message {
  /** Never changes: the message_id, or the idempotency key where this device wrote it. */
  key: string;
  /** The relay's message_id, once it has one. */
  id?: string;
  chat: string;
  at: number;
  from: string;
  name: string;
  mine: boolean;
  kind: string;
  text: string;
  state: State;
  channel?: string;
  phone?: string;
  subject?: string;
  title?: string;
  reply?: string;
  lang?: string;
  files?: Attachment[];
  duration?: number;
  waveform?: number[];
  /** A call: when somebody answered it. */
  answered?: number;
  transcript?: Transcript;
  event?: GroupEvent;
  actions?: Action[];
  /** What was decided by a button of this message. */
  decided?: string;
  edited?: number;
  withdrawn?: number;
  scrubbed?: number;
  deliveredAt?: number;
  readAt?: number;
  error?: string;
  /** chat address -> grapheme. */
  reactions?: Record<string, string>;
  /** Group: how many of how many have read. */
  readBy?: [number, number];
}

export type ChatKind = 'person' | 'group' | 'stream' | 'self' | 'relay' | 'outside';

export interface Chat {
  key: string;
  kind: ChatKind;
  /** Name as it was last seen; the address where none is known. */
  title: string;
  lastAt: number;
  last?: { text: string; kind: string; mine: boolean; name: string; state: State; key: string; files?: number; event?: GroupEvent };
  unread: number;
  /** Everything up to here was read on this account. */
  readTo: number;
  pinned?: boolean;
  archived?: boolean;
  /** Until when; 0 is not muted, -1 for ever. */
  muted?: number;
  /** One's role in a group; '' once one is not in it any more. */
  role?: string;
  /** One was invited and has not answered. */
  invited?: boolean;
  mode?: string;
  members?: number;
  description?: string;
  visibility?: string;
  joinPolicy?: string;
  /** Days to keep messages here on this device; 0 for ever, absent as the setting says. */
  keepDays?: number;
  /** The language it is read in; 'off': never translated by itself; absent: as the account has it. */
  receive?: string;
  receiveAt?: number;
  blocked?: boolean;
  /** Chats with the outside: the phone that brought the last message; the answer leaves by it. */
  phone?: string;
}

export interface Draft {
  chat: string;
  text: string;
  caret: number;
  reply?: string;
  subject?: string;
  files: StagedFile[];
  at: number;
  /** The words before they were translated, and the language that they are in now. */
  swap?: { text: string; lang: string };
}

export interface StagedFile {
  key: string;
  name: string;
  mime: string;
  size: number;
  width?: number;
  height?: number;
  duration_ms?: number;
  waveform?: number[];
  preview?: string;
  voice?: boolean;
  file_id?: string;
}

/** One thing to tell the relay, in the order of its chat. */
export interface Job {
  key: string;
  chat: string;
  at: number;
  op: 'send' | 'edit' | 'withdraw' | 'read';
  /** What a message says before its files are up; then `body` holds the exact bytes for ever. */
  draft?: Record<string, unknown>;
  body?: string;
  files?: StagedFile[];
  message?: string;
  tries: number;
  firstTry?: number;
  nextTry?: number;
  stopped?: { kind: 'failed' | 'unsure'; code: string; message?: string };
}

export interface SessionRecord {
  /** relay + address */
  sid: string;
  relay: string;
  relayName: string;
  address: string;
  name: string;
  email: string;
  token: string;
  lastUsed: number;
  unread?: number;
  language?: string;
  signedOut?: boolean;
}

export const chatKeyOf = {
  person: (address: string): string => `pchat:${address}`,
  outside: (channel: string, phone: string, address: string): string => `${channel}:${phone}:${address}`,
};

/** The parts of a chat's key. */
export function partsOf(key: string): { kind: ChatKind; address: string; channel: string; phone: string } {
  if (key === 'self' || key === 'relay') return { kind: key, address: key, channel: 'pchat', phone: '' };
  if (key.startsWith('grp_')) return { kind: 'group', address: key, channel: 'pchat', phone: '' };
  const [channel = '', ...rest] = key.split(':');
  if (channel === 'pchat') return { kind: 'person', address: rest.join(':'), channel, phone: '' };
  return { kind: 'outside', address: rest.slice(1).join(':'), channel, phone: rest[0] ?? '' };
}

/** A phone number as chats are keyed by it: only + and digits; other addresses stay as they are. */
export function plainAddress(channel: string, address: string): string {
  return channel === 'sms' || channel === 'wa' ? address.replace(/[^+\d]/g, '') || address : address.trim();
}
