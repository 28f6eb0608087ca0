// One chat's messages as a window over the database: at most 300 rows, each message a signal.
import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { Message } from '../base/model';
import { rowsOf, type Row } from '../base/rows';
import type { Engine } from '../core/engine';

export const PAGE = 50;
export const WINDOW = 300;

const before = (a: Message, b: Message): number => a.at - b.at || (a.key < b.key ? -1 : 1);

export class Timeline {
  readonly keys = signal<string[]>([]);
  readonly messages = new Map<string, Signal<Message>>();
  readonly divider = signal<{ before: string; count: number } | null>(null);
  readonly atStart = signal(false);
  readonly atEnd = signal(true);
  readonly loaded = signal(false);
  /** Came while the view was elsewhere. */
  readonly below = signal(0);
  /** The newest message is one that was written here just now. */
  ownSend = false;
  #structure = signal(0);
  readonly #loads = new Map<string, Promise<void>>();
  #last: Promise<unknown> = Promise.resolve();
  #off: (() => void)[];

  constructor(
    readonly engine: Engine,
    readonly key: string,
  ) {
    this.#off = [
      engine.on('messages', (list) => this.#changed(list)),
      engine.on('removed', ({ chat, keys }) => chat === key && this.#removed(keys)),
    ];
  }

  stop(): void {
    for (const off of this.#off) off();
  }

  readonly rows: ReadonlySignal<Row[]> = computed(() => {
    void this.#structure.value;
    return rowsOf(this.keys.value.map((k) => this.messages.get(k)!.peek()), this.divider.value);
  });

  signalOf(key: string): Signal<Message> | undefined {
    return this.messages.get(key);
  }

  last(): Message | undefined {
    const k = this.keys.peek();
    return this.messages.get(k[k.length - 1] ?? '')?.peek();
  }

  /** The messages around what is unread, or the newest. Keeps what is loaded already. */
  async open(): Promise<void> {
    const chat = this.engine.inbox.chat(this.key);
    if (this.loaded.peek() && this.atEnd.peek()) {
      this.#setDivider(chat.readTo, chat.unread);
      return;
    }
    const store = this.engine.store.message;
    let list: Message[];
    let isEnd = true;
    if (chat.unread > PAGE) {
      const older = await store.page(this.key, { t: chat.readTo + 1, k: '' }, PAGE);
      const newer = await store.page(this.key, { t: chat.readTo + 1, k: '' }, PAGE, true);
      list = [...older, ...newer];
      isEnd = newer.length < PAGE;
    } else list = await store.page(this.key, null, PAGE);
    batch(() => {
      this.#replace(list);
      this.atStart.value = list.length < PAGE;
      this.atEnd.value = isEnd;
      this.loaded.value = true;
      this.#setDivider(chat.readTo, chat.unread);
    });
  }

  #setDivider(readTo: number, unread: number): void {
    if (!unread) {
      this.divider.value = null;
      return;
    }
    const first = this.keys.peek().map((k) => this.messages.get(k)!.peek()).find((m) => m.at > readTo && !m.mine);
    this.divider.value = first ? { before: first.key, count: unread } : null;
  }

  #replace(list: Message[]): void {
    const keys = list.map((m) => m.key);
    for (const m of list) this.#set(m);
    for (const k of this.messages.keys()) if (!keys.includes(k)) this.messages.delete(k);
    this.keys.value = keys;
  }

  #set(m: Message): void {
    const s = this.messages.get(m.key);
    if (s) s.value = m;
    else this.messages.set(m.key, signal(m));
  }

  /** One load of a kind at a time, and one kind after the other: what was asked for meanwhile is not forgotten. */
  #once(kind: string, work: () => Promise<void>): Promise<void> {
    const pending = this.#loads.get(kind);
    if (pending) return pending;
    const run = this.#last.then(work).finally(() => this.#loads.delete(kind));
    this.#loads.set(kind, run);
    this.#last = run.catch(() => undefined);
    return run;
  }

  older(): Promise<void> {
    return this.#once('older', async () => {
      const first = this.messages.get(this.keys.peek()[0] ?? '')?.peek();
      if (!first || this.atStart.peek()) return;
      const list = await this.engine.store.message.page(this.key, { t: first.at, k: first.key }, PAGE);
      batch(() => {
        for (const m of list) this.#set(m);
        let keys = [...list.map((m) => m.key), ...this.keys.peek()];
        if (keys.length > WINDOW) {
          for (const k of keys.slice(WINDOW)) this.messages.delete(k);
          keys = keys.slice(0, WINDOW);
          this.atEnd.value = false;
        }
        this.keys.value = keys;
        this.atStart.value = list.length < PAGE;
      });
    });
  }

  newer(): Promise<void> {
    return this.#once('newer', async () => {
      const last = this.last();
      if (!last || this.atEnd.peek()) return;
      const list = (await this.engine.store.message.page(this.key, { t: last.at, k: last.key }, PAGE + 1, true)).filter((m) => m.key !== last.key);
      batch(() => {
        for (const m of list) this.#set(m);
        let keys = [...this.keys.peek(), ...list.map((m) => m.key)];
        if (keys.length > WINDOW) {
          for (const k of keys.slice(0, keys.length - WINDOW)) this.messages.delete(k);
          keys = keys.slice(-WINDOW);
          this.atStart.value = false;
        }
        this.keys.value = keys;
        if (list.length < PAGE) this.atEnd.value = true;
      });
    });
  }

  /** The newest messages, whatever was loaded. */
  async toEnd(): Promise<void> {
    if (!this.atEnd.peek()) {
      const list = await this.engine.store.message.page(this.key, null, PAGE);
      batch(() => {
        this.#replace(list);
        this.atStart.value = list.length < PAGE;
        this.atEnd.value = true;
      });
    }
    this.below.value = 0;
  }

  /** A place in the past with what is around it; false: it is not on this device. */
  async toMessage(key: string): Promise<boolean> {
    if (this.messages.has(key)) return true;
    const m = (await this.engine.store.message.get(key)) ?? (await this.engine.store.message.bySecond(key));
    if (!m || m.chat !== this.key) return false;
    if (this.messages.has(m.key)) return true;
    const store = this.engine.store.message;
    const older = await store.page(this.key, { t: m.at, k: m.key }, PAGE);
    const newer = await store.page(this.key, { t: m.at, k: m.key }, PAGE, true);
    batch(() => {
      this.#replace([...older, ...newer]);
      this.atStart.value = older.length < PAGE;
      this.atEnd.value = newer.length < PAGE;
    });
    return true;
  }

  #changed(list: Message[]): void {
    if (!this.loaded.peek()) return;
    const mine = list.filter((m) => m.chat === this.key);
    if (!mine.length) return;
    batch(() => {
      const added: Message[] = [];
      for (const m of mine) {
        const s = this.messages.get(m.key);
        if (s) {
          const moved = s.peek().at !== m.at;
          s.value = m;
          if (moved) this.#structure.value++;
        } else if (this.atEnd.peek()) {
          const first = this.messages.get(this.keys.peek()[0] ?? '')?.peek();
          if (!first || this.atStart.peek() || before(m, first) > 0) added.push(m);
        }
      }
      if (!added.length) {
        if (!this.atEnd.peek()) this.below.value += mine.filter((m) => !m.mine && !this.messages.has(m.key)).length;
        return;
      }
      for (const m of added) this.#set(m);
      let keys = [...this.keys.peek(), ...added.map((m) => m.key)];
      keys = [...new Set(keys)].sort((a, b) => before(this.messages.get(a)!.peek(), this.messages.get(b)!.peek()));
      if (keys.length > WINDOW) {
        for (const k of keys.slice(0, keys.length - WINDOW)) this.messages.delete(k);
        keys = keys.slice(-WINDOW);
        this.atStart.value = false;
      }
      this.ownSend = added.some((m) => m.mine && m.state === 'waiting' && m.key === keys[keys.length - 1]);
      this.keys.value = keys;
    });
  }

  #removed(gone: string[]): void {
    const set = new Set(gone);
    if (!this.keys.peek().some((k) => set.has(k))) return;
    batch(() => {
      this.keys.value = this.keys.peek().filter((k) => !set.has(k));
      for (const k of gone) this.messages.delete(k);
    });
  }

  /** One has left the chat, or said that all was read. */
  clearDivider(): void {
    this.divider.value = null;
  }
}
