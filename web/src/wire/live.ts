// Wakes: the stream of GET events, its long poll, or nothing, as docs/api.md says. Tells that there is news, never what.
import type { Relay } from './client';

export interface LiveEvents {
  /** There may be news; poll. */
  onWake: () => void;
  /** Own messages may have come further. */
  onReceipts: () => void;
  /** true: wakes come, a slow poll is enough. */
  onState: (live: boolean) => void;
  onSignedOut: () => void;
}

const HELLO_MS = 5000;
const SILENCE_MS = 45_000;
const AGAIN_MS = 600_000;
const path = '/api/v1/webchat/events';

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
  });

type Ended = 'dead' | 'bye' | 'signed-out' | 'stopped';

export class Live {
  #stop = new AbortController();
  #reconnectMs = 2000;

  constructor(
    readonly relay: Relay,
    readonly events: LiveEvents,
  ) {}

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    let dead = 0;
    while (!this.#stopped) {
      const ended = dead < 2 ? await this.#stream() : await this.#longPolls();
      this.events.onState(false);
      if (ended === 'signed-out') return this.events.onSignedOut();
      if (ended === 'stopped') return;
      if (ended === 'bye') dead = 0;
      else dead++;
      if (dead > 2) {
        await pause(AGAIN_MS, this.#stop.signal);
        dead = 0;
      } else {
        const most = Math.min(60_000, this.#reconnectMs * 2 ** Math.max(0, dead - 1));
        await pause(Math.max(1000, Math.random() * most), this.#stop.signal);
      }
    }
  }

  /** One stream until it ends. */
  async #stream(): Promise<Ended> {
    const stop = new AbortController();
    const onStop = (): void => stop.abort();
    this.#stop.signal.addEventListener('abort', onStop);
    let watchdog = setTimeout(onStop, HELLO_MS);
    const heard = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(onStop, SILENCE_MS);
    };
    let greeted = false;
    try {
      const r = await fetch(this.relay.url(path), { headers: this.relay.headers(), signal: stop.signal, credentials: 'omit', cache: 'no-store' });
      if (r.status === 401) return 'signed-out';
      if (!r.ok || !r.body) return 'dead';
      const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return greeted ? 'bye' : 'dead';
        if (greeted) heard();
        const lines = (rest + value).split('\n');
        rest = lines.pop()!;
        for (const line of lines) {
          if (!line.startsWith('data:')) continue;
          const type = this.#hear(line.slice(5));
          if (type === 'hello') {
            greeted = true;
            heard();
          }
          if (type === 'bye') return 'bye';
        }
      }
    } catch {
      return this.#stopped ? 'stopped' : greeted ? 'bye' : 'dead';
    } finally {
      clearTimeout(watchdog);
      this.#stop.signal.removeEventListener('abort', onStop);
      stop.abort();
    }
  }

  #hear(data: string): string {
    try {
      const event = JSON.parse(data) as { type?: string; for?: string; reconnect_ms?: number };
      if (event.reconnect_ms) this.#reconnectMs = event.reconnect_ms;
      if (event.type === 'hello') {
        this.events.onState(true);
        this.events.onWake();
      }
      if (event.type === 'wake') {
        if (event.for === 'receipts') this.events.onReceipts();
        else this.events.onWake();
      }
      return event.type ?? '';
    } catch {
      return '';
    }
  }

  /** Where a proxy holds streams back. */
  async #longPolls(): Promise<Ended> {
    let after = '';
    for (let failures = 0; failures < 3 && !this.#stopped; ) {
      try {
        const r = await this.relay.call<{ wake: boolean; after: string }>('GET', `${path}?after=${after}`, undefined, { timeoutMs: 40_000, signal: this.#stop.signal });
        after = r.after;
        failures = 0;
        this.events.onState(true);
        if (r.wake) this.events.onWake();
      } catch (e) {
        if ((e as { kind?: string }).kind === 'signed-out') return 'signed-out';
        failures++;
        await pause(1000 * 2 ** failures, this.#stop.signal);
      }
    }
    return this.#stopped ? 'stopped' : 'dead';
  }
}
