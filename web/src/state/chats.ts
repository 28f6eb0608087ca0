// The list of chats as views read it: one signal a chat, so that news of one redraws one row.
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { Chat, Draft } from '../base/model';
import { partsOf } from '../base/model';
import { folded } from '../base/text';
import type { Engine, Settings } from '../core/engine';
import type { SyncState } from '../core/sync';
import type { Config, DirectoryUser, User } from '../wire/api';
import { Timeline } from './timeline';

export type Filter = 'all' | 'unread' | 'sms' | 'wa' | 'tg' | 'email' | 'notify' | 'webchat' | 'archived';
export const filters: Filter[] = ['all', 'unread', 'sms', 'wa', 'tg', 'email', 'notify', 'webchat', 'archived'];

const TYPING_MS = 6500;
const DIRECTORY_MS = 30_000;

export function fitsFilter(c: Chat, f: Filter): boolean {
  if (f === 'archived') return !!c.archived;
  if (c.archived) return false;
  if (f === 'all') return true;
  if (f === 'unread') return c.unread > 0;
  const { channel } = partsOf(c.key);
  if (f === 'webchat') return channel === 'pchat';
  return f === 'tg' ? channel === 'tg' || channel === 'tg_bot' : channel === f;
}

export class Chats {
  readonly all = new Map<string, Signal<Chat>>();
  readonly drafts = new Map<string, Signal<Draft | null>>();
  readonly typing = signal<Map<string, string[]>>(new Map());
  readonly people = signal<Map<string, DirectoryUser>>(new Map());
  readonly sync = signal<SyncState>({ state: 'connecting', failures: 0 });
  readonly filter = signal<Filter>('all');
  readonly query = signal('');
  readonly config: Signal<Config | null>;
  readonly user: Signal<User | null>;
  readonly settings: Signal<Settings>;
  readonly progress = signal<Map<string, number>>(new Map());
  readonly timelines = new Map<string, Timeline>();
  /** Counts changes of membership or order. */
  readonly #order = signal(0);
  #typed = new Map<string, { from: string; until: number }[]>();
  #timers: ReturnType<typeof setTimeout>[] = [];
  #off: (() => void)[] = [];
  #directoryTag = 0;

  constructor(readonly engine: Engine) {
    this.config = signal(engine.config);
    this.user = signal(engine.user);
    this.settings = signal(engine.settings);
    this.sync.value = engine.syncState;
    const on = engine.on.bind(engine);
    this.#off = [
      on('chats', (list) => this.#put(list)),
      on('chatGone', (key) => {
        this.all.delete(key);
        this.#order.value++;
      }),
      on('drafts', (key) => void this.#loadDraft(key)),
      on('typing', (list) => this.#setTyping(list)),
      on('sync', (s) => (this.sync.value = s)),
      on('config', (c) => (this.config.value = c)),
      on('user', (u) => (this.user.value = u)),
      on('settings', (s) => (this.settings.value = s)),
      on('progress', ({ key, part }) => (this.progress.value = new Map(this.progress.peek()).set(key, part))),
    ];
  }

  async load(): Promise<void> {
    this.#put([...this.engine.inbox.chats.values()]);
    for (const d of await this.engine.store.draft.all()) this.draftOf(d.chat).value = d;
    void this.refreshPeople();
    this.#timers.push(setInterval(() => document.visibilityState === 'visible' && void this.refreshPeople(), DIRECTORY_MS));
  }

  stop(): void {
    for (const off of this.#off) off();
    for (const timer of this.#timers) clearInterval(timer);
    for (const tl of this.timelines.values()) tl.stop();
  }

  #put(list: Chat[]): void {
    let isOrder = false;
    for (const c of list) {
      const s = this.all.get(c.key);
      if (!s) {
        this.all.set(c.key, signal(c));
        isOrder = true;
        continue;
      }
      const old = s.peek();
      if (old.lastAt !== c.lastAt || !!old.pinned !== !!c.pinned || !!old.archived !== !!c.archived || old.unread !== c.unread || old.title !== c.title) isOrder = true;
      s.value = c;
    }
    if (isOrder) this.#order.value++;
  }

  chat(key: string): Signal<Chat> {
    const known = this.all.get(key);
    if (known) return known;
    const s = signal(this.engine.inbox.chat(key, this.people.peek().get(partsOf(key).address)?.display_name));
    this.all.set(key, s);
    return s;
  }

  draftOf(key: string): Signal<Draft | null> {
    const s = this.drafts.get(key) ?? signal<Draft | null>(null);
    this.drafts.set(key, s);
    return s;
  }

  async #loadDraft(key: string): Promise<void> {
    const had = !!this.draftOf(key).peek();
    this.draftOf(key).value = (await this.engine.store.draft.get(key)) ?? null;
    if (had !== !!this.draftOf(key).peek()) this.#order.value++;
  }

  /** Keys of the chats that the list shows: pinned ones first, then the newest. */
  readonly shown: ReadonlySignal<string[]> = computed(() => {
    void this.#order.value;
    const q = folded(this.query.value.trim());
    const f = this.filter.value;
    const isListed = (c: Chat): boolean => c.lastAt > 0 || !!c.last || !!this.drafts.get(c.key)?.peek() || (c.key.startsWith('grp_') && !!c.role);
    return [...this.all.values()]
      .map((s) => s.peek())
      .filter((c) => isListed(c) && (q ? folded(`${c.title} ${partsOf(c.key).address}`).includes(q) : fitsFilter(c, f)))
      .sort((a, b) => Number(!!b.pinned) - Number(!!a.pinned) || b.lastAt - a.lastAt || (a.key < b.key ? -1 : 1))
      .map((c) => c.key);
  });

  /** Unread messages by filter, muted chats aside. */
  readonly unread: ReadonlySignal<Partial<Record<Filter, number>>> = computed(() => {
    void this.#order.value;
    const out: Partial<Record<Filter, number>> = {};
    for (const s of this.all.values()) {
      const c = s.peek();
      if (!c.unread || this.isMuted(c)) continue;
      for (const f of filters) if (fitsFilter(c, f)) out[f] = (out[f] ?? 0) + c.unread;
    }
    return out;
  });

  isMuted(c: Chat): boolean {
    return c.muted === -1 || (c.muted ?? 0) > Date.now();
  }

  #setTyping(list: { from: string; to: string }[]): void {
    const until = Date.now() + TYPING_MS;
    const fresh = new Map<string, { from: string; until: number }[]>();
    for (const x of list) {
      const key = x.to.startsWith('grp_') ? x.to : `pchat:${x.from}`;
      if (x.from === this.engine.me) continue;
      fresh.set(key, [...(fresh.get(key) ?? []), { from: x.from, until }]);
    }
    if (!fresh.size && !this.#typed.size) return;
    this.#typed = fresh;
    this.typing.value = new Map([...fresh].map(([k, v]) => [k, v.map((x) => x.from)]));
    clearTimeout(this.#directoryTag);
    this.#directoryTag = setTimeout(() => this.#setTyping([]), TYPING_MS) as unknown as number;
  }

  /** Somebody who sent a message has stopped typing. */
  stopTyping(chat: string): void {
    if (!this.typing.peek().has(chat)) return;
    const next = new Map(this.typing.peek());
    next.delete(chat);
    this.typing.value = next;
  }

  async refreshPeople(): Promise<void> {
    if (!this.engine.session.token || this.engine.session.signedOut) return;
    try {
      const page = await this.engine.api.directory({ limit: 200 });
      this.people.value = new Map(page.users.map((u) => [u.chat_address, u]));
    } catch {
      /* the loop tells what is wrong */
    }
  }

  isOnline(address: string): boolean {
    return this.people.value.get(address)?.online === true;
  }

  /** A name for an address, as well as one is known. */
  nameOf(address: string): string {
    if (address === this.engine.me) return this.user.value?.display_name || this.engine.session.name;
    return this.people.value.get(address)?.display_name || this.all.get(`pchat:${address}`)?.value.title || address;
  }

  timeline(key: string): Timeline {
    const known = this.timelines.get(key);
    if (known) return known;
    for (const [k, tl] of this.timelines) {
      if (this.timelines.size < 6) break;
      tl.stop();
      this.timelines.delete(k);
    }
    const tl = new Timeline(this.engine, key);
    this.timelines.set(key, tl);
    return tl;
  }
}
