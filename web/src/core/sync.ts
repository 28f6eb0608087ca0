// The cursor loop: what came is stored, then its files, then the cursor. Nothing is lost when the page dies in between.
import type { Message } from '../base/model';
import { asTrouble, Trouble } from '../base/trouble';
import type { Store } from '../store/store';
import type { Api, Polled } from '../wire/api';
import type { Live } from '../wire/live';
import type { Applied, Inbox } from './inbox';
import type { Files } from './files';

const CONFIRM_MS = 60_000;
const CONFIRM_ITEMS = 100;
const HIDDEN_MS = 15_000;
const LIVE_MS = 60_000;
const MAX_WAIT_MS = 60_000;

export interface SyncState {
  state: 'connecting' | 'ok' | 'offline' | 'signed-out';
  failures: number;
  code?: string;
  live?: boolean;
}

export interface SyncEvents {
  onApplied: (a: Applied) => Promise<void>;
  onState: (s: SyncState) => void;
  onTyping: (typing: { from: string; to: string }[]) => void;
  onReceipts: () => void;
  /** Records of the user that another device changed. */
  onRecords: (records: string[]) => void;
}

export class Sync {
  #isOn = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #polling = false;
  #again = false;
  #live: Live | null = null;
  #isLive = false;
  #failures = 0;
  #interval = 2000;
  #lastTick = 0;
  #batch: { since: number; items: number; pending: boolean } | null = null;
  /** The relay tells progress of own messages in its polls. */
  hasChanges = false;
  isVisible = true;
  background = false;
  wantsLive = false;
  autoFetchBytes = 20 * 1024 * 1024;
  holdsFiles = false;

  constructor(
    readonly store: Store,
    readonly api: Api,
    readonly inbox: Inbox,
    readonly files: Files,
    readonly me: string,
    readonly events: SyncEvents,
  ) {}

  start(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#failures = 0;
    this.#lastTick = Date.now();
    this.events.onState({ state: 'connecting', failures: 0 });
    void this.poke();
  }

  stop(): void {
    this.#isOn = false;
    clearTimeout(this.#timer);
    this.#live?.stop();
    this.#live = null;
    this.#isLive = false;
  }

  /** Wakes by the stream, where the relay has it. */
  async #openLive(): Promise<void> {
    if (this.#live || !this.wantsLive || this.background) return;
    const { Live } = await import('../wire/live');
    if (this.#live || !this.#isOn) return;
    this.#live = new Live(this.api.relay, {
      onWake: () => void this.poke(),
      onReceipts: () => (this.hasChanges ? void this.poke() : this.events.onReceipts()),
      onState: (live) => {
        this.#isLive = live;
        if (!live) this.#schedule();
      },
      onSignedOut: () => this.#signedOut('credential_invalid'),
    });
    this.#live.start();
  }

  /** Polls now; during a poll: once more after it. */
  async poke(): Promise<void> {
    if (!this.#isOn) return;
    if (this.#polling) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#polling = true;
    try {
      do {
        this.#again = false;
        await this.#round();
      } while (this.#again && this.#isOn);
      this.#failures = 0;
      if (this.#isOn) {
        this.events.onState({ state: 'ok', failures: 0, live: this.#isLive });
        void this.#openLive();
      }
    } catch (e) {
      this.#failed(asTrouble(e));
    } finally {
      this.#polling = false;
      this.#schedule();
    }
  }

  #waitMs = 0;

  #failed(t: Trouble): void {
    if (t.kind === 'signed-out') return this.#signedOut(t.code);
    this.#failures++;
    this.#waitMs = t.kind === 'later' ? (t.more.waitMs ?? 1000) : 0;
    this.events.onState({ state: this.#failures >= 3 || t.code === 'unreachable' && !navigator.onLine ? 'offline' : 'connecting', failures: this.#failures, code: t.code });
  }

  #signedOut(code: string): void {
    this.stop();
    this.events.onState({ state: 'signed-out', failures: 0, code });
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#isOn || this.#polling) return;
    const back = Math.min(MAX_WAIT_MS, 1000 * 2 ** (this.#failures - 1)) * (0.75 + Math.random() / 2);
    const usual = this.background ? 30_000 : this.#isLive ? LIVE_MS : this.isVisible ? this.#interval : Math.max(HIDDEN_MS, this.#interval);
    const ms = this.#failures ? Math.max(this.#waitMs, back) : this.#batch?.pending ? Math.min(usual, 3000) : usual;
    this.#timer = setTimeout(() => void this.poke(), ms);
  }

  /** A sleep of the machine shows as a timer that came far too late: called by whoever ticks. */
  tick(now: number): void {
    if (this.#lastTick && now - this.#lastTick > 65_000) void this.poke();
    this.#lastTick = now;
  }

  async #round(): Promise<void> {
    for (;;) {
      const cursor = (await this.store.get<string>('cursor')) ?? '';
      const polled = await this.api.poll({ chat_address: this.me, limit: 100, cursor, own: true });
      if (!this.#isOn) return;
      this.#interval = Math.max(100, polled.poll_interval_ms || 2000);
      this.hasChanges = polled.changes !== undefined;
      const applied = await this.store.alone(() => this.inbox.apply(polled.messages));
      if (polled.changes?.length) {
        const list = polled.changes;
        const more = await this.store.alone(() => this.inbox.changes(list));
        applied.messages.push(...more.messages);
        applied.chats.push(...more.chats);
        applied.ask = more.ask;
      }
      if (polled.records?.length) this.events.onRecords(polled.records);
      await this.events.onApplied(applied);
      this.events.onTyping(polled.typing ?? []);
      if (!(await this.#confirm(polled, applied.messages, cursor))) return;
      if (!polled.has_more) return;
    }
  }

  /** Stores the cursor once the files are here, and in any case after a while. false: ask again with the old one. */
  async #confirm(polled: Polled, messages: Message[], cursor: string): Promise<boolean> {
    const wanted = messages.filter((m) => m.files?.some((f) => f.at === 'away' && f.size <= this.autoFetchBytes));
    const fetched = this.files.fetchAll(wanted, this.autoFetchBytes);
    if (wanted.length && !this.holdsFiles) {
      this.#batch ??= { since: Date.now(), items: 0, pending: true };
      const batch = this.#batch;
      batch.items = polled.messages.length;
      const quick = await Promise.race([fetched, new Promise<boolean>((d) => setTimeout(() => d(false), 1500))]);
      const isLate = Date.now() - batch.since > CONFIRM_MS || batch.items >= CONFIRM_ITEMS;
      if (!quick && !isLate) {
        void fetched.then((all) => void (all && this.poke()));
        return false;
      }
    }
    this.#batch = null;
    if (polled.cursor !== cursor) await this.store.set('cursor', polled.cursor);
    return true;
  }
}
