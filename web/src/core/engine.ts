// One session at work: what views call, and what they hear of. Only the leading tab talks to the relay by itself.
import { Emitter } from '../base/emitter';
import { newId } from '../base/ids';
import type { Attachment, Chat, Draft, Job, Message, SessionRecord, StagedFile } from '../base/model';
import { partsOf, plainAddress } from '../base/model';
import type { Trouble } from '../base/trouble';
import { Store, type StoredFile } from '../store/store';
import type { Cipher } from '../store/lock';
import { Api, type Config, type Contact, type Group, type User } from '../wire/api';
import { Relay } from '../wire/client';
import { Files } from './files';
import { Inbox, type Applied } from './inbox';
import { Leader } from './leader';
import { Outbox } from './outbox';
import { Receipts } from './receipts';
import { Sync, type SyncState } from './sync';

export interface Settings {
  readReceipts: boolean;
  sendTyping: boolean;
  presence: boolean;
  autoFetchMb: number;
  keepDays: number;
  notify: boolean;
  notifyText: boolean;
  sound: boolean;
  /** Do not disturb until then; 0: off. */
  quietUntil: number;
  keepPhotoData: boolean;
  enterSends: boolean;
  /** The language one reads in; absent: that of the page. */
  receive?: string;
  /** More languages that one reads: left alone. */
  reads?: string[];
  /** The language one writes in, where the browser cannot tell. */
  writes?: string;
  translateAll?: boolean;
  /** When these four were changed, for the account's other devices. */
  readingAt?: number;
  translateBy?: 'device' | 'relay' | 'off';
  /** The engine that was chosen with 'relay'. */
  translateFor?: string;
  /** Calls go through the relay's server alone: the other side learns no address. */
  callsHidden?: boolean;
  /** Devices for calls; absent: those of the system. */
  mic?: string;
  camera?: string;
  speaker?: string;
  /** Voice notes that come are shown as text by themselves. */
  voiceAuto?: boolean;
  /** The engine that may hear them: another one is not asked before one has agreed again. */
  voiceFor?: string;
  /** When these two were changed, for the account's other devices. */
  voiceAt?: number;
  /** A button beside the text writes down what is said; this device only. */
  dictate?: boolean;
  /** Where this browser is told of news while it is closed, as the relay knows it; this device only. */
  push?: string;
}

export const defaults: Settings = {
  readReceipts: true, sendTyping: true, presence: true, autoFetchMb: 20, keepDays: 0, notify: true, notifyText: false, sound: true, quietUntil: 0, keepPhotoData: false, enterSends: true,
};

export interface EngineEvents {
  messages: Message[];
  removed: { chat: string; keys: string[] };
  chats: Chat[];
  chatGone: string;
  fresh: Message[];
  sync: SyncState;
  typing: { from: string; to: string }[];
  progress: { key: string; part: number };
  drafts: string;
  user: User;
  config: Config;
  settings: Settings;
  trouble: Trouble;
  contacts: Contact[];
  wiped: undefined;
  leads: boolean;
}

export interface Outgoing {
  chat: string;
  text: string;
  kind?: string;
  reply?: string;
  subject?: string;
  files?: StagedFile[];
  /** What language it is in, or who is just finding out. */
  lang?: string | Promise<string | undefined>;
}

type BusMessage =
  | { t: 'rows'; messages: Message[]; chats: Chat[] }
  | { t: 'removed'; chat: string; keys: string[] }
  | { t: 'chatGone'; chat: string }
  | { t: 'jobs' }
  | { t: 'draft'; chat: string }
  | { t: 'sync'; state: SyncState }
  | { t: 'typing'; typing: { from: string; to: string }[] }
  | { t: 'settings'; settings: Settings }
  | { t: 'ask' }
  | { t: 'wiped' };

const TYPING_MS = 5000;
const PRESENCE_MS = 20_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Of a page of rows: the most that a browser's database counts. */
const EVERY = 0xffff_ffff;

/** The relay has not heard of it, or has refused it. */
const hasNotLeft = (job: Job | undefined): job is Job => !!job && (!job.firstTry || job.stopped?.kind === 'failed');

export class Engine extends Emitter<EngineEvents> {
  readonly api: Api;
  readonly inbox: Inbox;
  readonly files: Files;
  readonly outbox: Outbox;
  readonly sync: Sync;
  readonly receipts: Receipts;
  readonly leader: Leader;
  readonly #bus: BroadcastChannel;
  #offset = 0;
  #isVisible = true;
  #presenceTimer: ReturnType<typeof setInterval> | undefined;
  #tickTimer: ReturnType<typeof setInterval> | undefined;
  #typed = new Map<string, number>();
  #lastPrune = 0;
  /** Gives chats with the outside the names of the address book; whoever opens an engine says how. */
  callChats: (kept: boolean) => Promise<void> = async () => undefined;
  syncState: SyncState = { state: 'connecting', failures: 0 };
  settings: Settings = { ...defaults };
  config: Config | null = null;
  user: User | null = null;

  private constructor(
    readonly session: SessionRecord,
    readonly store: Store,
  ) {
    super();
    const relay = new Relay(session.relay, session.token);
    this.api = new Api(relay);
    this.inbox = new Inbox(store, session.address);
    this.files = new Files(store, this.api, (changed) => this.changed(changed));
    this.outbox = new Outbox(store, this.api, {
      onMessages: (changed) => this.changed(changed),
      onProgress: (key, part) => this.emit('progress', { key, part }),
      onSignedOut: () => this.#signedOut(),
      onSent: (m) => void this.#sent(m),
      onTrouble: (t) => this.emit('trouble', t),
    });
    this.sync = new Sync(store, this.api, this.inbox, this.files, session.address, {
      onApplied: (a) => this.#applied(a),
      onState: (s) => this.#setSync(s),
      onTyping: (typing) => {
        this.emit('typing', typing);
        this.#post({ t: 'typing', typing });
      },
      onReceipts: () => void this.receipts.ask(),
      onRecords: (records) => {
        if (records.includes('contacts')) void this.callChats(false).catch(() => undefined);
        if (records.some((r) => r !== 'contacts')) void this.refresh();
      },
    });
    this.receipts = new Receipts(store, this.api, async (list) => this.#applied(await store.alone(() => this.inbox.receipts(list))), () => !this.sync.hasChanges && this.#isVisible);
    this.leader = new Leader(store, `webchat:lead:${session.sid}`, { onLead: () => void this.#lead(), onLost: () => this.#rest() });
    this.#bus = new BroadcastChannel(`webchat:${session.sid}`);
    this.#bus.onmessage = (e: MessageEvent<BusMessage>) => this.#hear(e.data);
  }

  static async open(session: SessionRecord, cipher: () => Cipher | null = () => null): Promise<Engine> {
    let engine: Engine | null = null;
    const store = await Store.open(session.sid, cipher, () => engine?.emit('wiped', undefined));
    engine = new Engine(session, store);
    await engine.inbox.load();
    engine.settings = { ...defaults, ...(await store.get<Settings>('settings')) };
    engine.user = (await store.get<User>('user')) ?? null;
    engine.config = (await store.get<Config>('config')) ?? null;
    engine.#offset = (await store.get<number>('offset')) ?? 0;
    engine.#configure();
    return engine;
  }

  get me(): string {
    return this.session.address;
  }

  /** The relay's clock. */
  now(): number {
    return Date.now() + this.#offset;
  }

  can(feature: string): boolean {
    return this.config?.features[feature] === true;
  }

  start(background = false): void {
    this.sync.background = background;
    this.leader.start();
    if (!background) this.leader.claim();
    this.#tickTimer = setInterval(() => this.#tick(), MINUTE_MS);
  }

  async stop(): Promise<void> {
    this.leader.stop();
    this.#rest();
    clearInterval(this.#tickTimer);
    this.#bus.close();
    this.store.close();
  }

  // -- tabs ---------------------------------------------------------------------------------

  #post(m: BusMessage): void {
    try {
      this.#bus.postMessage(m);
    } catch {
      /* closed */
    }
  }

  #hear(m: BusMessage): void {
    if (m.t === 'rows') {
      for (const c of m.chats) this.inbox.chats.set(c.key, c);
      if (m.messages.length) this.emit('messages', m.messages);
      if (m.chats.length) this.emit('chats', m.chats);
    } else if (m.t === 'removed') this.emit('removed', m);
    else if (m.t === 'chatGone') {
      this.inbox.chats.delete(m.chat);
      this.emit('chatGone', m.chat);
    } else if (m.t === 'jobs') void this.outbox.kick();
    else if (m.t === 'draft') this.emit('drafts', m.chat);
    else if (m.t === 'typing') this.emit('typing', m.typing);
    else if (m.t === 'settings') {
      this.settings = m.settings;
      this.emit('settings', m.settings);
    } else if (m.t === 'ask') this.#tellSync();
    else if (m.t === 'sync' && !this.leader.isLeader) {
      this.syncState = m.state;
      this.emit('sync', m.state);
    } else if (m.t === 'wiped') this.emit('wiped', undefined);
  }

  #tellSync(): void {
    if (this.leader.isLeader) this.#post({ t: 'sync', state: this.syncState });
  }

  #setSync(state: SyncState): void {
    this.syncState = state;
    this.emit('sync', state);
    this.#post({ t: 'sync', state });
    if (state.state === 'ok') void this.outbox.kick();
  }

  async #lead(): Promise<void> {
    this.emit('leads', true);
    if (this.session.signedOut) return this.#setSync({ state: 'signed-out', failures: 0 });
    this.sync.isVisible = this.#isVisible;
    this.sync.start();
    this.outbox.start();
    void this.receipts.start();
    this.#presence();
    void this.refresh();
    void this.prune();
  }

  #rest(): void {
    this.emit('leads', false);
    this.sync.stop();
    this.outbox.stop();
    this.receipts.stop();
    clearInterval(this.#presenceTimer);
  }

  #signedOut(): void {
    this.sync.stop();
    this.outbox.stop();
    this.#setSync({ state: 'signed-out', failures: 0 });
  }

  /** Whether this tab is looked at. */
  setVisible(visible: boolean): void {
    this.#isVisible = visible;
    this.sync.isVisible = visible;
    if (visible) {
      if (!this.sync.background) this.leader.claim();
      if (this.leader.isLeader) void this.sync.poke();
      else this.#post({ t: 'ask' });
    }
    if (this.leader.isLeader) this.#presence();
  }

  /** The page closes: others see one offline at once. */
  leaving(): void {
    if (this.settings.presence && !this.session.signedOut) void this.#sayPresence(false, true);
  }

  online(): void {
    if (!this.leader.isLeader) return;
    void this.sync.poke();
    void this.outbox.kick(true);
  }

  #presence(): void {
    clearInterval(this.#presenceTimer);
    if (!this.#isVisible || !this.settings.presence || this.sync.background || this.syncState.state === 'signed-out') return;
    void this.#sayPresence(true);
    this.#presenceTimer = setInterval(() => void this.#sayPresence(true), PRESENCE_MS);
  }

  async #sayPresence(visible: boolean, keepalive = false): Promise<void> {
    await this.api.presence({ chat_address: this.me, display_name: this.session.name, visible }, { keepalive }).catch(() => undefined);
  }

  #tick(): void {
    if (!this.leader.isLeader) return;
    this.sync.tick(Date.now());
    if (Date.now() - this.#lastPrune > HOUR_MS) void this.prune();
  }

  // -- what comes ---------------------------------------------------------------------------

  async #applied(a: Applied): Promise<void> {
    if (a.messages.length) this.emit('messages', a.messages);
    if (a.chats.length) this.emit('chats', a.chats);
    if (a.messages.length || a.chats.length) this.#post({ t: 'rows', messages: a.messages, chats: a.chats });
    if (a.calls?.length) await import('./calls').then((x) => x.take(this, a.calls!)).catch(() => undefined);
    for (const m of a.messages) if (m.withdrawn) void this.#dropFiles(m);
    await this.receipts.note(a.messages.filter((m) => m.mine));
    if (a.fresh.some((m) => m.channel)) await this.nameChats(true);
    if (a.fresh.length) this.emit('fresh', a.fresh);
    for (const id of a.groups) void this.refreshGroup(id);
    if (a.ask?.length) void this.receipts.askOf(a.ask);
  }

  async #sent(m: Message): Promise<void> {
    await this.receipts.note([m]);
    const early = m.id ? await this.store.alone(() => this.inbox.sent(m.id!)) : null;
    if (early) await this.#applied(early);
  }

  /** Messages that this device changed: for its views and its other tabs. */
  async changed(messages: Message[]): Promise<void> {
    if (!messages.length) return;
    const chats = messages.map((m) => {
      const c = this.inbox.chat(m.chat);
      return c.last?.key === m.key ? this.inbox.ownHead(m) : null;
    }).filter((c) => c !== null);
    await this.store.chat.put(...chats);
    this.emit('messages', messages);
    if (chats.length) this.emit('chats', chats);
    this.#post({ t: 'rows', messages, chats });
    await this.receipts.note(messages);
  }

  async #dropFiles(m: Message): Promise<void> {
    if (m.files?.length) await this.store.file.del(...m.files.map((f) => f.key));
  }

  async changeChat(key: string, change: Partial<Chat>): Promise<Chat> {
    const chat = await this.inbox.changeChat(key, change);
    this.emit('chats', [chat]);
    this.#post({ t: 'rows', messages: [], chats: [chat] });
    return chat;
  }

  /** Config, clock, account, groups, blocks; failures are the loop's to tell. */
  async refresh(): Promise<void> {
    try {
      const before = Date.now();
      const [config, health] = await Promise.all([this.api.config(), this.api.health()]);
      this.#offset = Math.abs(health.time - before) > 2000 ? Math.round(health.time - (before + Date.now()) / 2) : 0;
      this.config = config;
      this.#configure();
      this.emit('config', config);
      const { user } = await this.api.me();
      this.setUser(user);
      await this.store.meta.put({ key: 'config', value: config }, { key: 'user', value: user }, { key: 'offset', value: this.#offset });
      await Promise.all([this.refreshGroups(), this.#refreshBlocks(), this.syncPrefs(), this.nameChats()]);
    } catch {
      /* the loop tells what is wrong */
    }
  }

  #configure(): void {
    this.sync.wantsLive = this.can('push');
    this.sync.holdsFiles = (this.config?.retention?.file_hold_sec ?? 0) > 0;
    this.sync.autoFetchBytes = this.settings.autoFetchMb * 1024 * 1024;
    this.outbox.richFiles = this.can('file_details');
  }

  /** Settings of reading go to the account's other devices and come from them. */
  async syncPrefs(): Promise<void> {
    await (await import('./prefs')).syncPrefs(this);
  }

  /** Chats with the outside are called as the address book calls them. `kept`: as it was last known. */
  async nameChats(kept = false): Promise<void> {
    if ([...this.inbox.chats.values()].some((c) => c.kind === 'outside')) await this.callChats(kept).catch(() => undefined);
  }

  setUser(user: User): void {
    this.user = user;
    this.emit('user', user);
  }

  async refreshGroups(): Promise<void> {
    const mine = new Set<string>();
    let after: string | undefined;
    do {
      const page = await this.api.groups(after);
      for (const g of page.groups) {
        mine.add(g.group_id);
        await this.#groupIs(g.group_id, g);
      }
      after = page.has_more ? page.after : undefined;
    } while (after);
    for (const c of this.inbox.chats.values()) if (c.key.startsWith('grp_') && c.role && !mine.has(c.key)) await this.#groupIs(c.key, null);
  }

  async #groupIs(id: string, g: Group | null): Promise<void> {
    const before = JSON.stringify(this.inbox.chats.get(id));
    const chat = await this.inbox.group(id, g);
    if (JSON.stringify(chat) === before) return;
    this.emit('chats', [chat]);
    this.#post({ t: 'rows', messages: [], chats: [chat] });
  }

  async refreshGroup(id: string): Promise<void> {
    try {
      await this.#groupIs(id, (await this.api.group(id)).group);
    } catch (e) {
      if ((e as Trouble).more?.status !== 404) return;
      // a private group is not there for us until we are in it; an invitation tells its name
      const found = (await this.api.invites().catch(() => null))?.invites.find((i) => i.group.group_id === id);
      if (found) await this.changeChat(id, { title: found.group.name, kind: found.group.mode === 'stream' ? 'stream' : 'group', role: '', invited: true });
      else await this.#groupIs(id, null);
    }
  }

  async #refreshBlocks(): Promise<void> {
    const blocked = new Set<string>();
    let after: string | undefined;
    do {
      const page = await this.api.blocks(after);
      for (const b of page.blocks) blocked.add('pchat' + b.chat_address);
      for (const b of page.outside ?? []) blocked.add(b.channel + plainAddress(b.channel, b.address));
      after = page.has_more ? page.after : undefined;
    } while (after);
    for (const c of [...this.inbox.chats.values()]) {
      const { channel, address } = partsOf(c.key);
      const is = blocked.has(channel + address);
      if (is !== !!c.blocked) await this.changeChat(c.key, { blocked: is });
    }
  }

  // -- what one does ------------------------------------------------------------------------

  #address(chat: string, o: Outgoing): Record<string, unknown> {
    const { kind, address, channel, phone } = partsOf(chat);
    if (kind === 'self') return { to: this.me };
    if (kind !== 'outside') return { to: address };
    const base = { channel, to: address, phone_id: phone || this.inbox.chat(chat).phone || '' };
    if (channel === 'email') return { ...base, subject: o.subject || '(no subject)' };
    return channel === 'notify' ? { ...base, title: o.subject || o.text.slice(0, 60) } : base;
  }

  /** Stores a message and the order to send it, then shows it; the relay is asked after that. */
  async send(o: Outgoing): Promise<Message> {
    const key = newId();
    const head = this.inbox.chat(o.chat);
    const m: Message = {
      key, chat: o.chat, at: Math.max(this.now(), head.lastAt + 1), from: this.me, name: this.session.name, mine: true, kind: o.kind ?? 'text', text: o.text, state: 'waiting',
      channel: partsOf(o.chat).channel === 'pchat' ? undefined : partsOf(o.chat).channel, reply: o.reply, subject: o.subject,
      files: o.files?.map((f): Attachment => ({ key: f.key, name: f.name, mime: f.mime, size: f.size, width: f.width, height: f.height, duration_ms: f.duration_ms, preview: f.preview, at: 'here' })),
      duration: o.files?.[0]?.voice ? o.files[0].duration_ms : undefined,
      waveform: o.files?.[0]?.voice ? o.files[0].waveform : undefined,
    };
    if (!m.files?.length) delete m.files;
    const draft: Record<string, unknown> = { ...this.#address(o.chat, o) };
    if (o.text || !o.files?.length) draft.text = o.text;
    if (m.kind !== 'text') draft.kind = m.kind;
    if (o.reply) draft.reply_to = o.reply;
    if (m.duration) draft.duration_ms = m.duration;
    if (m.waveform?.length) draft.waveform = m.waveform;
    const job: Job = { key, chat: o.chat, at: m.at, op: 'send', draft, tries: 0, ...(o.files?.length ? { files: o.files } : {}) };
    const chat = this.inbox.ownHead(m);
    this.emit('messages', [m]);
    this.emit('chats', [chat]);
    const lang = await (this.#told = this.#told.then(() => o.lang, () => o.lang).catch(() => undefined));
    if (lang && o.text) m.lang = draft.lang = lang;
    const kept = await Promise.all((o.files ?? []).map((f) => this.store.file.get(f.key)));
    const files = kept.filter((f): f is StoredFile => !!f).map((f) => ({ ...f, chat: o.chat, at: m.at }));
    await this.store.commit(this.store.job.change([job]), this.store.message.change([m]), this.store.chat.change([chat]), this.store.file.change(files));
    this.#post({ t: 'rows', messages: [m], chats: [chat] });
    this.#kick();
    return m;
  }

  /** Languages are found out one after the other: messages keep their order. */
  #told: Promise<string | undefined> = Promise.resolve(undefined);

  #kick(): void {
    if (this.leader.isLeader) void this.outbox.kick();
    else this.#post({ t: 'jobs' });
  }

  #jobOf(job: Omit<Job, 'tries' | 'key' | 'at'>): Job {
    return { ...job, key: newId(), at: this.now(), tries: 0 };
  }

  /** Changes the words: of a message that has not left before it leaves, else by a call of its own. Nothing of one that is gone. */
  async edit({ key, chat }: Message, text: string): Promise<void> {
    const next = await this.store.alone(async () => {
      const [m, job] = await this.store.waiting(key);
      if (!m || m.withdrawn) return undefined;
      const [next, order]: [Message, Job] = hasNotLeft(job)
        ? [{ ...m, text, state: 'waiting', error: undefined }, { ...job, draft: { ...job.draft, text }, body: undefined, firstTry: undefined, stopped: undefined }]
        : [{ ...m, text, edited: this.now() }, this.#jobOf({ chat, op: 'edit', message: key, body: JSON.stringify({ text }) })];
      await this.store.commit(this.store.job.change([order]), this.store.message.change([next]), this.store.translation.change([], [key]));
      return next;
    });
    if (!next) return;
    await this.changed([next]);
    this.#kick();
  }

  /** Takes a message back for everybody; one that has not left never leaves. */
  async withdraw({ key, chat }: Message): Promise<void> {
    const next = await this.store.alone(async () => {
      const [m, job] = await this.store.waiting(key);
      if (!m || m.withdrawn) return undefined;
      if (hasNotLeft(job)) return void (await this.forget(m));
      const next: Message = { ...m, text: '', files: undefined, transcript: undefined, reactions: undefined, withdrawn: this.now() };
      const order = this.#jobOf({ chat, op: 'withdraw', message: key });
      await this.store.commit(this.store.job.change([order]), this.store.message.change([next]), this.store.translation.change([], [key]), this.store.file.change([], m.files?.map((f) => f.key) ?? []));
      return next;
    });
    if (!next) return;
    await this.changed([next]);
    this.#kick();
  }

  /** Forgets a message on this device, and with the relay for oneself. */
  async remove(m: Message): Promise<void> {
    if (m.id && !m.mine) void this.api.withdraw(m.id).catch(() => undefined);
    await this.discard(m);
  }

  /** Away from this device, and out of the outbox. */
  discard(m: Message): Promise<void> {
    return this.store.alone(() => this.forget(m));
  }

  /** `discard` for who is alone with the store already. */
  async forget(m: Message): Promise<void> {
    this.outbox.cancel(m.key);
    await this.#drop(m, m.files?.map((f) => f.key));
    await this.#lastAgain(m.chat);
  }

  async #drop({ key, chat }: Message, files: string[] = []): Promise<void> {
    await this.store.commit(this.store.job.change([], [key]), this.store.message.change([], [key]), this.store.translation.change([], [key]), this.store.file.change([], files));
    this.#tellRemoved(chat, [key]);
  }

  #tellRemoved(chat: string, keys: string[]): void {
    this.emit('removed', { chat, keys });
    this.#post({ t: 'removed', chat, keys });
  }

  async #lastAgain(key: string): Promise<void> {
    const [last] = await this.store.message.page(key, null, 1);
    if (last) {
      const chat = { ...this.inbox.chat(key), lastAt: 0 };
      this.inbox.chats.set(key, chat);
      const head = this.inbox.ownHead(last);
      await this.changeChat(key, head);
    } else await this.changeChat(key, { last: undefined });
  }

  /** Tries a failed message again, as a new one with the same files; to the outside also after a phone gave up. Pressed twice, it goes once. */
  async retry({ key }: Message): Promise<void> {
    const old = await this.store.alone(async () => {
      const [m, job] = await this.store.waiting(key);
      if (!m || (!job && !m.channel)) return undefined;
      await this.#drop(m);
      return { m, files: job?.files?.map((f) => ({ ...f, file_id: undefined })) };
    });
    if (!old) return;
    const { chat, text, kind, reply, subject, lang } = old.m;
    await this.send({ chat, text, kind: kind === 'text' ? undefined : kind, reply, subject, files: old.files, lang });
  }

  /** A grapheme under a message; '' takes it back. */
  async react({ key }: Message, grapheme: string): Promise<void> {
    const next = await this.store.update(this.store.message, key, (m) => {
      if (!m.id || m.withdrawn) return undefined;
      const reactions = { ...m.reactions };
      if (grapheme) reactions[this.me] = grapheme;
      else delete reactions[this.me];
      return { ...m, reactions };
    });
    if (!next) return;
    await this.changed([next]);
    await this.store.job.put(this.#jobOf({ chat: next.chat, op: 'send', draft: { ...this.#address(next.chat, { chat: next.chat, text: '' }), kind: 'reaction', reply_to: next.id, text: grapheme } }));
    this.#kick();
  }

  /** Everything of a chat up to a message was read here. */
  async markRead(chatKey: string, upTo: Message): Promise<void> {
    const chat = this.inbox.chat(chatKey);
    if (upTo.at <= chat.readTo && chat.unread === 0) return;
    const from = chat.readTo;
    const read = (await this.store.message.page(chatKey, { t: from + 1, k: '' }, 500, true)).filter((m) => !m.mine && m.id && m.at <= upTo.at && m.kind !== 'system');
    const next = await this.inbox.readUpTo(chatKey, upTo.at);
    this.emit('chats', [next]);
    this.#post({ t: 'rows', messages: [], chats: [next] });
    if (!this.settings.readReceipts) return;
    for (let i = 0; i < read.length; i += 200) {
      await this.store.job.put(this.#jobOf({ chat: `read:${chatKey}`, op: 'read', body: JSON.stringify({ chat_address: this.me, message_ids: read.slice(i, i + 200).map((m) => m.id) }) }));
    }
    this.#kick();
  }

  typing(chat: string, is: boolean): void {
    const { kind, address } = partsOf(chat);
    if (!this.settings.sendTyping || (kind !== 'person' && kind !== 'group') || this.syncState.state !== 'ok') return;
    const last = this.#typed.get(chat) ?? 0;
    if (is && Date.now() - last < TYPING_MS) return;
    if (!is && !last) return;
    if (is) this.#typed.set(chat, Date.now());
    else this.#typed.delete(chat);
    void this.api.typing(address, is).catch(() => undefined);
  }

  async putDraft(d: Draft): Promise<void> {
    if (!d.text && !d.files.length && !d.reply) await this.store.draft.del(d.chat);
    else await this.store.draft.put(d);
    this.emit('drafts', d.chat);
    this.#post({ t: 'draft', chat: d.chat });
  }

  async stage(blob: Blob): Promise<string> {
    const key = newId();
    await this.store.file.put({ key, blob, size: blob.size, at: this.now(), chat: '' });
    return key;
  }

  async saveSettings(change: Partial<Settings>): Promise<void> {
    this.settings = { ...this.settings, ...change };
    this.#configure();
    await this.store.set('settings', this.settings);
    this.emit('settings', this.settings);
    this.#post({ t: 'settings', settings: this.settings });
    if ('presence' in change) {
      if (this.settings.presence) this.#presence();
      else {
        clearInterval(this.#presenceTimer);
        void this.#sayPresence(false);
      }
    }
    if ('keepDays' in change) void this.prune();
  }

  /** Somebody of the relay (channel `pchat`), or an address outside whatever phone brings it. */
  async block(channel: string, address: string, is: boolean): Promise<void> {
    const outside = channel !== 'pchat';
    if (is) await this.api.block(outside ? { channel, address } : { chat_address: address });
    else await this.api.unblock(outside ? [channel, address] : [address]);
    if (!outside) await this.changeChat(`pchat:${address}`, { blocked: is });
    else await this.#refreshBlocks();
  }

  /** Removes a chat's messages from this device; what still waits there is not sent. */
  async clearChat(key: string, gone: boolean): Promise<void> {
    await this.#removeBefore(key, Number.MAX_SAFE_INTEGER, false);
    if (!gone) return void (await this.changeChat(key, { unread: 0 }));
    this.inbox.chats.delete(key);
    await this.store.commit(this.store.chat.change([], [key]), this.store.draft.change([], [key]));
    this.emit('chatGone', key);
    this.#post({ t: 'chatGone', chat: key });
  }

  /** Messages and files of a chat, by age; the list of chats shows what is left. `butWhatWaits`: the outbox keeps what it has. */
  async #removeBefore(chat: string, time: number, butWhatWaits: boolean): Promise<void> {
    const keys = await this.store.alone(async () => {
      const waiting = butWhatWaits ? await this.store.job.page(chat, null, EVERY, true) : [];
      const kept = new Set(waiting.flatMap((j) => [j.key, ...(j.files ?? []).map((f) => f.key)]));
      const old = (all: string[]): string[] => all.filter((key) => !kept.has(key));
      const keys = old(await this.store.message.keysBefore(chat, time));
      const files = old(await this.store.file.keysBefore(chat, time));
      for (const key of keys) this.outbox.cancel(key);
      if (keys.length || files.length) await this.store.commit(this.store.job.change([], keys), this.store.message.change([], keys), this.store.translation.change([], keys), this.store.file.change([], files));
      return keys;
    });
    if (keys.length) this.#tellRemoved(chat, keys);
    const { last, lastAt } = this.inbox.chat(chat);
    if (last && (lastAt < time || keys.includes(last.key))) await this.#lastAgain(chat);
  }

  /** What is older than one wants to keep goes from this device, but for what still waits to be sent. */
  async prune(): Promise<void> {
    this.#lastPrune = Date.now();
    for (const chat of [...this.inbox.chats.values()]) {
      const days = chat.keepDays ?? this.settings.keepDays;
      if (!days) continue;
      await this.#removeBefore(chat.key, this.now() - days * 86_400_000, true);
    }
  }

  /** Other tabs let go of the database before it is removed. */
  tellWiped(): void {
    this.#post({ t: 'wiped' });
  }
}
