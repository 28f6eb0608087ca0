// What the whole page is about: who is signed in, where one is, how it looks.
import { batch, computed, signal } from '@preact/signals';
import type { SessionRecord } from '../base/model';
import type { Launch } from '../base/launch';
import { launchLink, parseLaunch } from '../base/launch';
import { relayUrl } from '../base/rules';
import { Accounts } from '../core/accounts';
import { Engine } from '../core/engine';
import { bestLanguage, languages, setLanguage, type Language } from '../i18n';
import type { Cipher } from '../store/lock';
import { SessionList } from '../store/store';
import { Api } from '../wire/api';
import { Relay } from '../wire/client';
import { Chats } from './chats';

export type Theme = 'system' | 'light' | 'dark' | 'contrast';
export type Motion = 'system' | 'less';

export interface Look {
  theme: Theme;
  textSize: number;
  motion: Motion;
  language: Language | '';
}

export interface Place {
  /** Open chat. */
  chat?: string;
  /** Beside or above it. */
  panel?: 'info' | 'find';
  /** Instead of the talk. */
  page?: string;
}

/** What the browser keeps of a step: the place, the one it was reached from, and whose it is. */
interface Step {
  place?: Place;
  before?: Place;
  sid?: string;
}

export const lookKey = 'webchat.look';
export const relaysKey = 'webchat.relays';
const tryKey = 'webchat.try';

export const look = signal<Look>({ theme: 'system', textSize: 100, motion: 'system', language: '' });
export const place = signal<Place>({});
export const sessions = signal<SessionRecord[]>([]);
export const engine = signal<Engine | null>(null);
export const chats = signal<Chats | null>(null);
export const phase = signal<'boot' | 'locked' | 'signin' | 'open'>('boot');
export const launch = signal<Launch | null>(null);
export const online = signal(typeof navigator === 'undefined' || navigator.onLine);
export const newVersion = signal(false);
export const background = new Map<string, Engine>();
export const otherUnread = signal<Record<string, number>>({});

/** One pane at a time: the one that is seen is the main one and has the first heading. */
const narrowPage = typeof matchMedia === 'undefined' ? null : matchMedia('(max-width: 719px)');
export const onePane = signal(narrowPage?.matches ?? false);
narrowPage?.addEventListener('change', (e) => (onePane.value = e.matches));

export const isSecure = typeof isSecureContext === 'undefined' || isSecureContext;
export const home = typeof location === 'undefined' ? '' : location.origin;

let accounts: Accounts;
export const accountsOf = (): Accounts => accounts;

/** A link for others to this page, with a session's relay. */
export const linkHere = (relay: string, more: Parameters<typeof launchLink>[2]): string => launchLink(location.origin + location.pathname, relay, more);

// -- relays one may talk to ----------------------------------------------------------------

function stored<T>(key: string, fallback: T, from: Storage = localStorage): T {
  try {
    return (JSON.parse(from.getItem(key) ?? 'null') as T) ?? fallback;
  } catch {
    return fallback;
  }
}

function keep(key: string, value: unknown, into: Storage = localStorage): void {
  try {
    into.setItem(key, JSON.stringify(value));
  } catch {
    /* a browser that keeps nothing */
  }
}

export const knownRelays = (): string[] => stored<string[]>(relaysKey, []);

export function rememberRelay(relay: string): void {
  keep(relaysKey, [...new Set([...knownRelays(), relay])]);
}

/** The relay of the next sign-in, as Settings saved it or a launch link named it. */
export const chosenRelay = signal(home);
export const chosenKey = 'webchat.relay';

/** A relay that is looked at before it is trusted: it needs a page that may ask it. */
export function tryRelay(relay: string): void {
  keep(tryKey, relay, sessionStorage);
}

/** Before anything else runs: the page may ask its own relay and remembered ones, and nobody else. */
export function narrow(): void {
  const wanted = parseLaunch(location.hash)?.relay || stored<string>(tryKey, '', sessionStorage);
  const hosts = [...new Set([...knownRelays(), wanted].map((r) => relayUrl(r ?? '')).filter((r): r is string => !!r).map((r) => new URL(r).origin))].filter((o) => o !== home);
  const meta = document.createElement('meta');
  meta.httpEquiv = 'Content-Security-Policy';
  meta.content = `connect-src 'self' ${hosts.join(' ')}; media-src 'self' blob: ${hosts.join(' ')}`;
  document.head.append(meta);
}

/** Whether this page may ask a relay without being loaded again. */
export const mayAsk = (relay: string): boolean => {
  const origin = new URL(relay).origin;
  return origin === home || [...knownRelays(), parseLaunch(location.hash)?.relay ?? '', launch.peek()?.relay ?? '', stored<string>(tryKey, '', sessionStorage)].some((r) => r && new URL(r).origin === origin);
};

export function chooseRelay(relay: string): void {
  rememberRelay(relay);
  keep(chosenKey, relay);
  chosenRelay.value = relay;
}

// -- look ------------------------------------------------------------------------------------

const dark = typeof matchMedia === 'undefined' ? null : matchMedia('(prefers-color-scheme: dark)');
const contrast = typeof matchMedia === 'undefined' ? null : matchMedia('(prefers-contrast: more)');

function paint(): void {
  const l = look.value;
  const isDark = l.theme === 'dark' || ((l.theme === 'system' || l.theme === 'contrast') && dark!.matches);
  const more = l.theme === 'contrast' || (l.theme === 'system' && contrast!.matches);
  const root = document.documentElement;
  root.dataset['theme'] = more ? (isDark ? 'contrast-dark' : 'contrast-light') : isDark ? 'dark' : 'light';
  root.style.fontSize = l.textSize === 100 ? '' : `${l.textSize}%`;
  if (l.motion === 'less') root.dataset['motion'] = 'less';
  else delete root.dataset['motion'];
  document.querySelector('meta[name="theme-color"]')?.setAttribute('content', getComputedStyle(root).getPropertyValue('--panel').trim());
}

export async function setLook(change: Partial<Look>): Promise<void> {
  look.value = { ...look.value, ...change };
  keep(lookKey, look.value);
  paint();
  if ('language' in change) await setLanguage(look.value.language || bestLanguage(navigator.languages));
}

async function startLook(): Promise<void> {
  look.value = { ...look.value, ...stored<Partial<Look>>(lookKey, {}) };
  if (look.value.language && !(look.value.language in languages)) look.value = { ...look.value, language: '' };
  paint();
  dark!.addEventListener('change', paint);
  contrast!.addEventListener('change', paint);
  await setLanguage(look.value.language || bestLanguage(navigator.languages)).catch(() => setLanguage('en'));
}

// -- places ----------------------------------------------------------------------------------

/** Goes somewhere; `replace`: without a step back. */
export function go(next: Place, replace = false): void {
  const now = place.peek();
  const same = JSON.stringify(next) === JSON.stringify(now);
  place.value = next;
  if (same) return;
  // whoever found somebody in the directory goes back to the list, not to the directory
  const sid = engine.peek()?.session.sid;
  if (replace || (now.page?.startsWith('directory') && next.chat)) history.replaceState({ ...(history.state as Step | null), place: next, sid }, '');
  else history.pushState({ place: next, before: now, sid }, '');
}

/** What a place lies in: a panel in its chat, a section in Settings, a chat in the list. */
function above(p: Place): Place {
  if (p.panel) return { chat: p.chat };
  const [page, sub] = p.page?.split('/') ?? [];
  return sub && page !== 'admin' ? { page } : {};
}

/** One pane back, to what the place lies in: a step of the browser where that leads there, so that its own Back does not lead in again. */
export function back(): void {
  const up = above(place.peek());
  if (JSON.stringify((history.state as Step | null)?.before) === JSON.stringify(up)) history.back();
  else go(up, true);
}

/** A step of the browser leads to a place of the session that took it, and to the list of any other one. */
function stepped(e: PopStateEvent): void {
  const s = e.state as Step | null;
  place.value = s?.sid === engine.peek()?.session.sid ? (s?.place ?? {}) : {};
}

// -- sessions --------------------------------------------------------------------------------

export let locked: SessionList | null = null;

export async function boot(): Promise<void> {
  const found = parseLaunch(location.hash);
  if (found) {
    launch.value = found;
    history.replaceState(history.state, '', location.pathname);
  }
  await startLook();
  chosenRelay.value = found?.relay || stored<string>(chosenKey, '') || home;
  accounts = new Accounts(await SessionList.open());
  window.addEventListener('online', () => {
    online.value = true;
    engine.peek()?.online();
  });
  window.addEventListener('offline', () => (online.value = false));
  window.addEventListener('popstate', stepped);
  document.addEventListener('visibilitychange', () => engine.peek()?.setVisible(document.visibilityState === 'visible'));
  window.addEventListener('pagehide', () => engine.peek()?.leaving());
  place.value = (history.state as Step | null)?.place ?? {};
  if (await accounts.list.lock()) {
    locked = accounts.list;
    phase.value = 'locked';
    return;
  }
  await enter();
}

/** Opens the session of this tab, the last used one, or sign-in. */
export async function enter(): Promise<void> {
  await reloadSessions();
  const wanted = launch.peek();
  const mine = stored<string>('webchat.session', '', sessionStorage);
  const fits = (s: SessionRecord): boolean => !wanted?.relay || s.relay === wanted.relay;
  const byMail = wanted?.email ? sessions.peek().find((s) => fits(s) && s.email.toLowerCase() === wanted.email.toLowerCase()) : undefined;
  // a link to a group or a person needs no new sign-in where one fits; a link to a relay is one
  const isVisit = !wanted?.email && Boolean(wanted?.group || wanted?.to || !wanted?.relay);
  const fitting = sessions.peek().filter((x) => fits(x) && !(wanted && x.signedOut));
  const s = byMail ?? (isVisit ? (fitting.find((x) => x.sid === mine) ?? fitting[0]) : undefined);
  if (s) await openSession(s);
  else phase.value = 'signin';
}

export async function reloadSessions(): Promise<void> {
  sessions.value = await accounts.list.list();
}

const cipher = (): Cipher | null => accounts.list.cipher;

export async function openSession(s: SessionRecord): Promise<void> {
  await closeSession();
  await background.get(s.sid)?.stop();
  background.delete(s.sid);
  keep('webchat.session', s.sid, sessionStorage);
  await accounts.touch(s.sid, { lastUsed: Date.now() });
  const e = await Engine.open(s, cipher);
  e.callChats = (kept) => import('./book').then((x) => x.callAll(e, kept));
  e.on('wiped', () => void leaveSession());
  e.on('user', (u) => void accounts.touch(s.sid, { name: u.display_name || u.chat_address, email: u.email }));
  e.on('sync', (st) => {
    if (st.state === 'signed-out' && !e.session.signedOut) {
      e.session.signedOut = true;
      void accounts.touch(s.sid, { signedOut: true }).then(reloadSessions);
    }
  });
  const c = new Chats(e);
  await c.load();
  batch(() => {
    engine.value = e;
    chats.value = c;
    phase.value = 'open';
  });
  e.start();
  e.setVisible(document.visibilityState === 'visible');
  await reloadSessions();
  for (const other of sessions.peek()) if (other.sid !== s.sid && !other.signedOut && !background.has(other.sid)) void watch(other);
}

/** Another remembered session is asked for news now and then. */
async function watch(s: SessionRecord): Promise<void> {
  const e = await Engine.open(s, cipher);
  if (engine.peek()?.session.sid === s.sid) return e.stop();
  background.set(s.sid, e);
  const count = (): void => {
    otherUnread.value = { ...otherUnread.peek(), [s.sid]: [...e.inbox.chats.values()].reduce((n, c) => n + (c.muted ? 0 : c.unread), 0) };
  };
  e.on('chats', count);
  e.on('wiped', () => {
    background.delete(s.sid);
    void e.stop().then(reloadSessions);
  });
  count();
  e.start(true);
}

export async function closeSession(): Promise<void> {
  const e = engine.peek();
  if (!e) return;
  chats.peek()?.stop();
  batch(() => {
    engine.value = null;
    chats.value = null;
  });
  await e.stop();
}

/** To another remembered session. */
export async function switchTo(sid: string): Promise<void> {
  const s = sessions.peek().find((x) => x.sid === sid);
  if (!s || engine.peek()?.session.sid === sid) return;
  go({}, true);
  await openSession(s);
}

/** This session is gone from this browser (wiped here or in another tab). */
export async function leaveSession(): Promise<void> {
  await closeSession();
  await reloadSessions();
  go({}, true);
  const next = sessions.peek().find((s) => !s.signedOut);
  if (next) await openSession(next);
  else phase.value = 'signin';
}

export async function forgetSession(sid: string): Promise<void> {
  await background.get(sid)?.stop();
  background.delete(sid);
  await accounts.forget(sid);
  await reloadSessions();
}

/** Signs in: a code becomes a session that this browser remembers. */
export async function finishSignIn(relay: string, relayName: string, body: Record<string, unknown>): Promise<void> {
  const api = new Api(new Relay(relay));
  const answer = await api.verifyCode(body);
  rememberRelay(relay);
  keep(chosenKey, relay);
  sessionStorage.removeItem(tryKey);
  const s = await accounts.add(relay, relayName, answer.session_token, answer.user);
  await openSession(s);
}

// -- the passphrase lock -----------------------------------------------------------------------

export const isLocked = signal(false);

export async function unlock(passphrase: string): Promise<boolean> {
  const record = await accounts.list.lock();
  const { Cipher } = await import('../store/lock');
  const c = record && (await Cipher.unwrap(record, passphrase));
  if (!c) return false;
  accounts.list.cipher = c;
  isLocked.value = true;
  await enter();
  return true;
}

export const lockNow = (): void => location.reload();

export const syncNow = computed(() => engine.value);
