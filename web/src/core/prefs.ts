// In which languages one reads, on all devices of an account: one text on the relay, sealed, whose newest entries win. Fields of other clients
// stay as they are.
import type { Chat } from '../base/model';
import { utf8Length } from '../base/rules';
import { isTrouble } from '../base/trouble';
import type { Engine, Settings } from './engine';

export interface AccountReading {
  receive?: string;
  reads?: string[];
  writes?: string;
  all?: boolean;
  at: number;
}

export interface Reading {
  account?: AccountReading;
  /** By chat; `to` absent: as the account has it. */
  chats?: Record<string, { to?: string; at: number }>;
}

/** Whether voice notes are shown as text by themselves, and the engine that may hear them. */
export interface Voice {
  auto?: boolean;
  engine?: string;
  at: number;
}

export type Prefs = Record<string, unknown> & { reading?: Reading; voice?: Voice };

const MOST_BYTES = 60_000;
const TRIES = 5;

/** null: not ours to change. */
export function parsePrefs(text: string): Prefs | null {
  if (!text) return {};
  try {
    const value = JSON.parse(text) as unknown;
    return value && typeof value === 'object' && !Array.isArray(value) ? (value as Prefs) : null;
  } catch {
    return null;
  }
}

/** Both together: of each entry the newer one. */
export function mergeReading(a: Reading = {}, b: Reading = {}): Reading {
  const account = (a.account?.at ?? 0) >= (b.account?.at ?? 0) ? a.account : b.account;
  const chats = { ...a.chats };
  for (const [key, c] of Object.entries(b.chats ?? {})) if (c.at > (chats[key]?.at ?? 0)) chats[key] = c;
  return { ...(account ? { account } : {}), chats };
}

/** The text of it, without the oldest chats where it would be too long. */
export function prefsText(prefs: Prefs): string {
  const chats = Object.entries(prefs.reading?.chats ?? {}).sort((a, b) => b[1].at - a[1].at);
  for (;;) {
    const text = JSON.stringify({ ...prefs, reading: { ...prefs.reading, chats: Object.fromEntries(chats) } });
    if (utf8Length(text) <= MOST_BYTES || !chats.length) return text;
    chats.splice(Math.floor(chats.length * 0.9));
  }
}

function readingHere(e: Engine): Reading {
  const s = e.settings;
  const chats: Reading['chats'] = {};
  for (const c of e.inbox.chats.values()) if (c.receiveAt) chats[c.key] = { ...(c.receive ? { to: c.receive } : {}), at: c.receiveAt };
  return { ...(s.readingAt ? { account: { receive: s.receive, reads: s.reads, writes: s.writes, all: s.translateAll, at: s.readingAt } } : {}), chats };
}

async function take(e: Engine, r: Reading): Promise<void> {
  const a = r.account;
  if (a && a.at > (e.settings.readingAt ?? 0)) await e.saveSettings({ receive: a.receive, reads: a.reads, writes: a.writes, translateAll: a.all, readingAt: a.at });
  for (const [key, c] of Object.entries(r.chats ?? {})) {
    const chat: Chat = e.inbox.chat(key);
    if (c.at > (chat.receiveAt ?? 0)) await e.changeChat(key, { receive: c.to, receiveAt: c.at });
  }
}

/** The newer one of what the account says of voice notes and what this device does; taken over here. */
async function takeVoice(e: Engine, there: Voice | undefined): Promise<Voice | undefined> {
  const { voiceAuto: auto, voiceFor: engine, voiceAt: at = 0 } = e.settings;
  const found = typeof there?.at === 'number' ? there.at : 0;
  if (found > at) await e.saveSettings({ voiceAuto: there!.auto === true, voiceFor: there!.engine, voiceAt: found });
  return at > found ? { auto: auto === true, ...(engine ? { engine } : {}), at } : there;
}

const plain = (r: Reading | undefined): string => JSON.stringify([r?.account, Object.entries(r?.chats ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))]);

/** Fetches, merges, and writes where there is something new; somebody who wrote meanwhile is merged as well. */
export async function syncPrefs(e: Engine): Promise<void> {
  for (let i = 0; i < TRIES; i++) {
    const { prefs, etag } = await e.api.prefs();
    const there = parsePrefs(prefs);
    if (!there) return;
    await take(e, there.reading ?? {});
    const reading = mergeReading(there.reading, readingHere(e));
    const voice = await takeVoice(e, there.voice);
    const text = prefsText({ ...there, reading, ...(voice ? { voice } : {}) });
    if ((plain(reading) === plain(there.reading) && voice === there.voice) || text === prefs) return;
    try {
      await e.api.putPrefs(text, etag);
      return;
    } catch (err) {
      if (!isTrouble(err) || err.code !== 'precondition_failed') throw err;
    }
  }
}

/** In which languages one reads and writes, on all devices. */
export async function changeReading(e: Engine, change: Pick<Settings, 'receive' | 'reads' | 'writes' | 'translateAll'>): Promise<void> {
  await e.saveSettings({ ...change, readingAt: e.now() });
  void syncPrefs(e).catch(() => undefined); // else with the next refresh
}

/** The same for one chat: a language, 'off', or undefined for as the account has it. */
export async function changeChatLanguage(e: Engine, chat: string, receive: string | undefined): Promise<void> {
  await e.changeChat(chat, { receive, receiveAt: e.now() });
  void syncPrefs(e).catch(() => undefined);
}

/** Whether voice notes that come are shown as text, and who may hear them, on all devices. */
export async function changeVoice(e: Engine, change: Pick<Settings, 'voiceAuto' | 'voiceFor'>): Promise<void> {
  await e.saveSettings({ ...change, voiceAt: e.now() });
  void syncPrefs(e).catch(() => undefined);
}
