// How far own messages have come, where the relay does not tell it by itself: 200 ids a call.
import type { Message } from '../base/model';
import type { Store } from '../store/store';
import type { Api, Receipt } from '../wire/api';

const MAX_AGE_MS = 7 * 86_400_000;
const EVERY_MS = 10_000;
const AT_MOST = 200;

export class Receipts {
  #open = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOn = false;

  constructor(
    readonly store: Store,
    readonly api: Api,
    readonly onReceipts: (list: Receipt[]) => Promise<void>,
    readonly isWanted: () => boolean,
  ) {}

  async start(): Promise<void> {
    this.#isOn = true;
    this.#open = new Map(Object.entries((await this.store.get<Record<string, number>>('tracked')) ?? {}));
    this.#plan(1000);
  }

  stop(): void {
    this.#isOn = false;
    clearTimeout(this.#timer);
  }

  /** A message whose end is not known yet, or is now. */
  async note(messages: Message[]): Promise<void> {
    let changed = false;
    for (const m of messages) {
      if (!m.mine || !m.id || m.chat === 'self') continue;
      const isOpen = /queued|claimed|sent|delivered/.test(m.state) && !m.withdrawn && Date.now() - m.at < MAX_AGE_MS;
      if (isOpen && !this.#open.has(m.id)) changed = !!this.#open.set(m.id, m.at);
      else if (!isOpen && this.#open.delete(m.id)) changed = true;
    }
    if (changed) await this.store.set('tracked', Object.fromEntries([...this.#open].sort((a, b) => b[1] - a[1]).slice(0, 1000)));
    if (changed) this.#plan(1500);
  }

  #plan(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isOn && this.#open.size) this.#timer = setTimeout(() => void this.ask(), ms);
  }

  async ask(): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.#isOn || !this.#open.size) return;
    if (!this.isWanted()) return this.#plan(60_000);
    await this.askOf([...this.#open].sort((a, b) => b[1] - a[1]).slice(0, AT_MOST).map(([id]) => id));
    this.#plan(EVERY_MS);
  }

  /** Of these now; what fails is asked again by whatever comes next. */
  async askOf(ids: string[]): Promise<void> {
    try {
      const { receipts } = await this.api.receipts(ids.slice(-AT_MOST));
      await this.onReceipts(receipts);
    } catch {
      /* see above */
    }
  }
}
