// Leaving somebody alone who is busy or out of order: for as long as they wish, and twice as long each time it does not get better.
import type { Trouble } from '../base/trouble';

const FIRST_MS = 2000;
const MOST_MS = 300_000;
const LONGEST_TIMER_MS = 2_000_000_000;

export class Pause {
  /** Why. */
  code = 'engine_unavailable';
  #until = 0;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** How long it still lasts; 0: it is over. */
  get leftMs(): number {
    return Math.max(0, this.#until - Date.now());
  }

  /** A call went well. */
  worked(): void {
    this.#failures = 0;
  }

  /** A call failed: begins, unless it was refused. True: it may be tried again by itself. */
  failed(t: Trouble): boolean {
    if (t.kind === 'refused' || t.kind === 'signed-out') return false;
    const own = Math.min(MOST_MS, FIRST_MS * 2 ** this.#failures++);
    this.#until = Date.now() + Math.max(own, t.kind === 'later' ? (t.more.waitMs ?? 0) : 0);
    this.code = t.code;
    return t.kind !== 'broken';
  }

  /** Has `run` called once it is over, in place of what was asked for before. */
  then(run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, Math.min(this.leftMs, LONGEST_TIMER_MS));
  }

  /** What hindered may be over. */
  end(): void {
    this.#until = 0;
    this.#failures = 0;
  }

  /** Nobody is called any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
