// One tab at a time talks to the relay for a session: Web Locks, or a lease in the database on plain http.
import type { Store } from '../store/store';

const LEASE_MS = 5000;

export interface LeaderEvents {
  onLead: () => void;
  onLost: () => void;
}

export class Leader {
  #stop = new AbortController();
  #isLeader = false;
  #release: (() => void) | null = null;
  #holder: symbol | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #me = Math.random().toString(36).slice(2);

  constructor(
    readonly store: Store,
    readonly name: string,
    readonly events: LeaderEvents,
  ) {}

  get isLeader(): boolean {
    return this.#isLeader;
  }

  start(): void {
    if ('locks' in navigator) this.#wait(false);
    else {
      this.#timer = setInterval(() => void this.#lease(false), LEASE_MS / 2.5);
      void this.#lease(false);
    }
  }

  /** The tab that is looked at leads: hidden ones are slowed down by browsers. */
  claim(): void {
    if (this.#isLeader || this.#stop.signal.aborted) return;
    if ('locks' in navigator) this.#wait(true);
    else void this.#lease(true);
  }

  #set(leads: boolean): void {
    if (leads === this.#isLeader) return;
    this.#isLeader = leads;
    if (leads) this.events.onLead();
    else this.events.onLost();
  }

  #wait(steal: boolean): void {
    const mine = Symbol('request');
    const give = (): undefined | Promise<void> => {
      if (this.#stop.signal.aborted) return undefined;
      this.#holder = mine;
      this.#set(true);
      return new Promise<void>((release) => (this.#release = release));
    };
    void navigator.locks.request(this.name, steal ? { steal: true } : { signal: this.#stop.signal }, give).catch(() => {
      // another tab took it, or this one asked again: only who held it stands in line anew
      if (this.#stop.signal.aborted || this.#holder !== mine) return;
      this.#release = this.#holder = null;
      this.#set(false);
      this.#wait(false);
    });
  }

  async #lease(steal: boolean): Promise<void> {
    const held = await this.store.get<{ tab: string; until: number }>('lease');
    const now = Date.now();
    if (this.#stop.signal.aborted) return;
    if (!held || held.until < now || held.tab === this.#me || steal) {
      await this.store.set('lease', { tab: this.#me, until: now + LEASE_MS });
      this.#set(true);
    } else this.#set(false);
  }

  stop(): void {
    this.#stop.abort();
    clearInterval(this.#timer);
    if (!('locks' in navigator) && this.#isLeader) void this.store.set('lease', { tab: '', until: 0 }).catch(() => undefined);
    this.#release?.();
    this.#isLeader = false;
  }
}
