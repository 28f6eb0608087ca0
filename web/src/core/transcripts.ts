// Voice notes as text: the relay's engine writes them down, one at a time, for whoever asked and for what is in view; what it wrote is kept in
// the message. Whoever writes is left alone for as long as they wish.
import type { Message } from '../base/model';
import { asTrouble, Trouble } from '../base/trouble';
import type { Store } from '../store/store';
import type { Api, Config } from '../wire/api';
import { Pause } from './pause';

const TRIES = 3;
/** Refusals that say nothing of other recordings. */
const perNote = new Set(['too_large', 'unknown_file', 'invalid_field']);

/** What is under way, or why it failed and whether it is asked again by itself. What became of it stands in the message. */
export type Hearing = { t: 'busy' } | { t: 'bad'; code: string; waitMs?: number; again: boolean; pressed: boolean };

export interface TranscriptsDeps {
  store: Pick<Store, 'message' | 'update'>;
  api: Pick<Api, 'transcribe'>;
  /** The recording as this device has it goes to the relay again; undefined: it is not here either. */
  lend: (m: Message) => Promise<string | undefined>;
  /** The relay need not keep it. */
  takeBack: (id: string) => Promise<unknown>;
  /** What to call whoever writes. */
  name: () => string;
  onHearing: (key: string, hearing: Hearing | null) => void;
  /** Messages with a transcript that is new. `pressed`: somebody waits for it. */
  onMessage: (m: Message, pressed: boolean) => Promise<void>;
}

interface Wish {
  m: Message;
  pressed: boolean;
}

/** What one agrees to: who hears the recordings. '' while the relay has no engine. */
export function hearerOf(config: Config | null): string {
  const t = config?.transcription;
  return config?.features['transcription'] === true && t ? `${t.engine ?? 'remote'} ${t.name ?? ''}` : '';
}

/** The relay's id of a recording; absent where there is none to ask for. */
export const recordingOf = (m: Message): string | undefined => (m.kind === 'voice' && !m.withdrawn ? m.files?.[0]?.file_id : undefined);

/** Whether a recording is one that the relay takes. */
export function isShortEnough(m: Message, limits: Config['limits'] | undefined): boolean {
  const ms = m.duration ?? m.files?.[0]?.duration_ms ?? 0;
  return (m.files?.[0]?.size ?? 0) <= (limits?.['max_transcribe_bytes'] ?? Infinity) && ms <= (limits?.['max_transcribe_ms'] ?? Infinity);
}

export class Transcripts {
  readonly #failed = new Map<string, { tries: number; again: boolean }>();
  #refused = '';
  #wishes: Wish[] = [];
  #isRunning = false;
  #isOver = false;
  readonly #pause = new Pause();

  constructor(readonly deps: TranscriptsDeps) {}

  /** Somebody asks for one. */
  press(m: Message): void {
    this.#refused = '';
    this.#failed.delete(m.key);
    this.#wishes = [{ m, pressed: true }, ...this.#wishes.filter((w) => w.m.key !== m.key)];
    this.deps.onHearing(m.key, { t: 'busy' });
    void this.#run();
  }

  /** One is in view that is wanted without being asked for; `is` false: it is not any more. */
  want(m: Message, is: boolean): void {
    const known = this.#wishes.find((w) => w.m.key === m.key);
    if (!is) this.#wishes = this.#wishes.filter((w) => w !== known || w.pressed);
    else if (!known) this.#wishes.push({ m, pressed: false });
    if (is) void this.#run();
  }

  /** What hindered may be over: another engine, another choice. */
  again(): void {
    this.#refused = '';
    this.#pause.end();
    this.#failed.clear();
    void this.#run();
  }

  stop(): void {
    this.#isOver = true;
    this.#pause.stop();
    this.#wishes = [];
  }

  #isOpen(w: Wish): boolean {
    const f = this.#failed.get(w.m.key);
    return !f || f.again;
  }

  /** Pressed ones first, then the newest. */
  #next(): Wish | undefined {
    const open = this.#wishes.filter((w) => this.#isOpen(w));
    return open.find((w) => w.pressed) ?? open.sort((a, b) => b.m.at - a.m.at)[0];
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let w = this.#next(); w && !this.#isOver; w = this.#next()) {
        const wait = this.#pause.leftMs;
        if (wait) {
          this.#pause.then(() => void this.#run());
          for (const p of this.#wishes.filter((x) => x.pressed && this.#isOpen(x))) this.deps.onHearing(p.m.key, { t: 'bad', code: this.#pause.code, waitMs: wait, again: true, pressed: true });
          return;
        }
        await this.#ask(w);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #ask(w: Wish): Promise<void> {
    const { m } = w;
    try {
      if (this.#refused) throw new Trouble('refused', this.#refused, '');
      const id = recordingOf(m);
      if (!id) throw new Trouble('refused', 'unknown_file', '');
      this.deps.onHearing(m.key, { t: 'busy' });
      const { text, language } = await this.#write(m, id);
      this.#pause.worked();
      await this.#took(w, text, language);
    } catch (e) {
      this.#missed(w, asTrouble(e));
    }
  }

  /** The relay lets recordings go once everybody has them: then this device lends it one. */
  async #write(m: Message, id: string): ReturnType<Api['transcribe']> {
    try {
      return await this.deps.api.transcribe(id);
    } catch (e) {
      const lent = asTrouble(e).code === 'unknown_file' ? await this.deps.lend(m) : undefined;
      if (!lent) throw e;
      return await this.deps.api.transcribe(lent).finally(() => void this.deps.takeBack(lent).catch(() => undefined));
    }
  }

  #settle(w: Wish): void {
    this.#wishes = this.#wishes.filter((x) => x.m.key !== w.m.key);
  }

  /** Keeps it in its message, if that is still there. */
  async #took(w: Wish, text: string, lang: string | undefined): Promise<void> {
    const { store } = this.deps;
    const transcript = { text, ...(lang ? { lang } : {}), by: this.deps.name() };
    const next = await store.update(store.message, w.m.key, (now) => (now.withdrawn ? undefined : { ...now, transcript }));
    this.#settle(w);
    this.deps.onHearing(w.m.key, null);
    if (next) await this.deps.onMessage(next, w.pressed);
  }

  #missed(w: Wish, t: Trouble): void {
    const isRefused = t.kind === 'refused' || t.kind === 'signed-out';
    if (isRefused && t.more.status && !perNote.has(t.code)) this.#refused = t.code;
    const waitMs = this.#pause.failed(t) ? this.#pause.leftMs : undefined;
    const tries = (this.#failed.get(w.m.key)?.tries ?? 0) + 1;
    // nobody waits for one that came by itself: what was broken is not asked again
    const again = waitMs !== undefined && tries < TRIES;
    this.#failed.set(w.m.key, { tries, again });
    if (!again) this.#settle(w);
    this.deps.onHearing(w.m.key, { t: 'bad', code: t.code, waitMs, again, pressed: w.pressed });
  }
}
