// The translations of one session: what is in view is asked for in batches, newest first, and kept with its message. Whoever translates is
// asked by one call at a time, and left alone for as long as they wish.
import { asText, FEW_LETTERS, hasWords, isForeign, languageByScript, lettersOf, sameLanguage } from '../base/lang';
import type { Message } from '../base/model';
import { utf8Length } from '../base/rules';
import { asTrouble, Trouble } from '../base/trouble';
import type { Store, Translation } from '../store/store';
import { Pause } from './pause';
import { firstOf, type Answer, type Translator } from './translator';

export const BATCH = 20;
const ONE_BYTES = 8192;
const ALL_BYTES = 16_384;
const TRIES = 3;
/** Refusals that say nothing of other texts. */
const perText = new Set(['unknown_language', 'too_large']);

/** What became of a message; `of`: the text that it is the translation of. */
export type Entry =
  | { t: 'busy'; of: string }
  | { t: 'done'; of: string; text: string; from: string; to: string; by: string }
  /** Nothing to translate: it is in a language that the reader has. */
  | { t: 'same'; of: string; from: string; to: string }
  | { t: 'bad'; of: string; code: string; waitMs?: number; from?: string; to: string; pressed: boolean };

/** Why the last ones in view were not translated. */
export interface Failure {
  code: string;
  waitMs?: number;
  from?: string;
  to: string;
}

export interface TranslationsDeps {
  store: Pick<Store, 'translation' | 'message' | 'alone'>;
  translators: () => Translator[];
  detect: (text: string) => Promise<string | undefined>;
  /** Languages that are left alone, beside the one that is translated into. */
  reads: () => string[];
  onEntry: (key: string, entry: Entry | null) => void;
  /** So many came without being asked for one by one. */
  onDone: (count: number) => void;
  /** Why the newest one in view that failed did; null: none has. */
  onFailure: (failure: Failure | null) => void;
}

interface Wish {
  m: Message;
  to: string;
  from?: string;
  pressed: boolean;
}

interface Known {
  entry: Entry;
  to: string;
  tries: number;
  /** It may be asked again by itself. */
  again: boolean;
}

export class Translations {
  readonly #known = new Map<string, Known>();
  /** Pairs that were refused, with the reason; '*' is every pair. */
  readonly #refused = new Map<string, string>();
  #wanted: Wish[] = [];
  #pressed: Wish[] = [];
  #isRunning = false;
  #isAsked = false;
  #isOver = false;
  readonly #pause = new Pause();
  #failure: Failure | null = null;

  constructor(readonly deps: TranslationsDeps) {}

  /** The messages in view, newest first, and the language to read them in; what was in view before is not asked for any more. */
  look(messages: readonly Message[], to: string): void {
    const reads = [to, ...this.deps.reads()];
    this.#wanted = messages.map(asText).filter((m) => isForeign(m, reads)).map((m) => ({ m, to, pressed: false }));
    this.#report();
    void this.#run();
  }

  /** Somebody asks for one message. `from`: the language, where they say it. */
  press(message: Message, to: string, from?: string): void {
    const m = asText(message);
    if (!hasWords(m)) return;
    this.#known.delete(m.key);
    this.#pressed = [{ m, to, from, pressed: true }, ...this.#pressed.filter((w) => w.m.key !== m.key)];
    this.#tell(m.key, to, { t: 'busy', of: m.text });
    void this.#run();
  }

  /** One text that is no message: what somebody is about to send. */
  async once(text: string, from: string | undefined, to: string): Promise<{ text: string; from: string }> {
    const wait = this.#pause.leftMs;
    if (wait) throw new Trouble('later', this.#pause.code, '', { waitMs: wait });
    if (utf8Length(text) > ONE_BYTES) throw new Trouble('refused', 'too_large', '');
    const source = from ?? (await this.#sourceOf(text));
    const translator = await firstOf(this.deps.translators(), source, to);
    let answer: Answer;
    try {
      answer = (await translator.translate([text], source, to))[0] ?? {};
    } catch (e) {
      this.#pause.failed(asTrouble(e));
      throw e;
    }
    if (!answer.text) throw new Trouble('broken', answer.error ?? 'engine_failed', '');
    return { text: answer.text, from: answer.source ?? source ?? '' };
  }

  /** What hindered may be over: another choice, another engine, a language pack. */
  again(): void {
    this.#refused.clear();
    this.#pause.end();
    for (const [key, k] of this.#known) if (k.entry.t === 'bad' && !k.entry.pressed) this.#known.delete(key);
    this.#report();
    void this.#run();
  }

  /** Another chat is looked at: what is known is kept with the messages, not here. */
  leave(): void {
    this.#wanted = [];
    this.#pressed = [];
    for (const key of this.#known.keys()) this.deps.onEntry(key, null);
    this.#known.clear();
    this.#report();
  }

  stop(): void {
    this.#isOver = true;
    this.#pause.stop();
    this.leave();
  }

  // -- the work -----------------------------------------------------------------------------

  #tell(key: string, to: string, entry: Entry, again = false): void {
    const tries = (this.#known.get(key)?.tries ?? 0) + (entry.t === 'bad' ? 1 : 0);
    this.#known.set(key, { entry, to, tries, again: again && tries < TRIES });
    this.deps.onEntry(key, entry);
  }

  #isOpen(w: Wish): boolean {
    const k = this.#known.get(w.m.key);
    if (!k || k.entry.of !== w.m.text || k.to !== w.to) return true;
    return k.entry.t === 'busy' ? w.pressed : k.entry.t === 'bad' && k.again;
  }

  async #run(): Promise<void> {
    this.#isAsked = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      // what is asked for during a step is not forgotten
      while (!this.#isOver && this.#isAsked) {
        this.#isAsked = false;
        while (!this.#isOver && (await this.#step())) this.#report();
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Tells why, for the newest of those in view that failed by themselves. */
  #report(): void {
    const bad = this.#wanted.map((w) => this.#known.get(w.m.key)?.entry).find((e) => e?.t === 'bad' && !e.pressed);
    const failure = bad?.t === 'bad' ? { code: bad.code, waitMs: bad.waitMs, from: bad.from, to: bad.to } : null;
    if (JSON.stringify(failure) === JSON.stringify(this.#failure)) return;
    this.#failure = failure;
    this.deps.onFailure(failure);
  }

  /** One batch; false: nothing is to be done now. */
  async #step(): Promise<boolean> {
    const open = [...this.#pressed, ...this.#wanted.filter((w) => !this.#pressed.some((p) => p.m.key === w.m.key))].filter((w) => this.#isOpen(w));
    const fresh: Wish[] = [];
    for (const w of open) if (!(await this.#fromStore(w))) fresh.push(w);
    if (!fresh.length) return false;
    const wait = this.#pause.leftMs;
    if (wait) {
      this.#pause.then(() => void this.#run());
      for (const w of fresh.filter((f) => f.pressed && this.#known.get(f.m.key)?.entry.t !== 'bad')) this.#failed([w], { code: this.#pause.code, waitMs: wait, to: w.to }, true);
      return false;
    }
    const batch = await this.#batch(fresh);
    if (!batch.length) return true;
    return this.#ask(batch);
  }

  /** What is kept with the message from before, where it still fits. */
  async #fromStore(w: Wish): Promise<boolean> {
    if (w.pressed && w.from) return false;
    const kept = await this.deps.store.translation.get(w.m.key);
    if (!kept || kept.of !== w.m.text || kept.to !== w.to) return false;
    if (kept.same) {
      if (w.pressed) return false;
      this.#tell(w.m.key, w.to, { t: 'same', of: w.m.text, from: kept.from, to: w.to });
    } else this.#tell(w.m.key, w.to, { t: 'done', of: w.m.text, text: kept.text, from: kept.from, to: kept.to, by: kept.by });
    this.#settled(w);
    return true;
  }

  #settled(w: Wish): void {
    this.#pressed = this.#pressed.filter((p) => p !== w);
  }

  async #sourceOf(text: string): Promise<string | undefined> {
    return languageByScript(text) ?? (lettersOf(text) >= FEW_LETTERS ? await this.deps.detect(text) : undefined);
  }

  /** The first one and those that go with it: one language, one target, as much as a call may hold. */
  async #batch(fresh: Wish[]): Promise<Wish[]> {
    const batch: Wish[] = [];
    let bytes = 0;
    for (const w of fresh) {
      const source = w.from ?? w.m.lang ?? (await this.#sourceOf(w.m.text));
      const alone = w.pressed ? [w.to] : [w.to, ...this.deps.reads()];
      if (source && alone.some((r) => sameLanguage(r, source))) {
        this.#tell(w.m.key, w.to, { t: 'same', of: w.m.text, from: source, to: w.to });
        this.#settled(w);
        continue;
      }
      const size = utf8Length(w.m.text);
      if (size > ONE_BYTES) {
        this.#failed([w], { code: 'too_large', to: w.to });
        continue;
      }
      const known = { ...w, from: source };
      if (batch.length && (batch[0]!.from !== source || batch[0]!.to !== w.to)) continue;
      if (batch.length >= BATCH || bytes + size > ALL_BYTES) break;
      batch.push(known);
      bytes += size;
      this.#pressed = this.#pressed.map((p) => (p === w ? known : p));
    }
    return batch;
  }

  async #ask(batch: Wish[]): Promise<boolean> {
    const { from, to } = batch[0]!;
    const pair = `${from ?? ''}>${to}`;
    try {
      const refused = this.#refused.get(pair) ?? this.#refused.get('*');
      if (refused) throw new Trouble('refused', refused, '');
      const translator = await firstOf(this.deps.translators(), from, to);
      const answers = await translator.translate(batch.map((w) => w.m.text), from, to);
      this.#pause.worked();
      await this.#answered(batch, answers, translator.name);
      return true;
    } catch (e) {
      const t = asTrouble(e);
      if (t.code === 'unsupported_language') this.#refused.set(pair, t.code);
      else if (t.more.status && !perText.has(t.code) && (t.kind === 'refused' || t.kind === 'signed-out')) this.#refused.set('*', t.code);
      const isLater = this.#pause.failed(t);
      this.#failed(batch, { code: t.code, waitMs: isLater ? this.#pause.leftMs : undefined, from, to }, isLater);
      return true;
    }
  }

  #failed(batch: Wish[], failure: Failure, again = false): void {
    for (const w of batch) {
      this.#tell(w.m.key, w.to, { t: 'bad', of: w.m.text, ...failure, pressed: w.pressed }, again);
      if (!this.#known.get(w.m.key)!.again) this.#settled(w);
    }
  }

  async #answered(batch: Wish[], answers: Answer[], by: string): Promise<void> {
    let done = 0;
    for (const [i, w] of batch.entries()) {
      const a = answers[i] ?? { error: 'engine_failed' };
      if (a.text === undefined || (!a.text.trim() && !a.unchanged)) {
        const code = a.error ?? 'engine_failed';
        const isLater = code === 'engine_unavailable';
        if (isLater && !this.#pause.leftMs) this.#pause.failed(new Trouble('later', code, ''));
        this.#failed([w], { code, waitMs: isLater ? this.#pause.leftMs : undefined, from: w.from, to: w.to }, isLater);
        continue;
      }
      if (await this.#took(w, a.text, a.source ?? w.from ?? '', a.unchanged === true, by)) done += Number(!w.pressed);
    }
    if (done) this.deps.onDone(done);
  }

  /** Keeps a translation with its message, if that is still there and says the same. True: there is something new to read. */
  async #took(w: Wish, text: string, from: string, unchanged: boolean, by: string): Promise<boolean> {
    const { m, to } = w;
    const reads = [to, ...(w.pressed ? [] : this.deps.reads())];
    const same = unchanged || text === m.text || (!!from && !w.from && reads.some((r) => sameLanguage(r, from)));
    const row: Translation = same ? { key: m.key, text: '', from, to, by, of: m.text, same } : { key: m.key, text, from, to, by, of: m.text };
    const isThere = await this.deps.store.alone(async () => {
      const now = await this.deps.store.message.get(m.key);
      if (!now || asText(now).text !== m.text) return false;
      await this.deps.store.translation.put(row);
      return true;
    });
    this.#settled(w);
    if (!isThere) {
      // changed or gone while it was away; whoever looks at the new words asks again
      this.#wanted = this.#wanted.filter((x) => x.m.key !== m.key);
      this.#known.delete(m.key);
      this.deps.onEntry(m.key, null);
      return false;
    }
    this.#tell(m.key, to, same ? { t: 'same', of: m.text, from, to } : { t: 'done', of: m.text, text, from, to, by });
    return !same;
  }
}
