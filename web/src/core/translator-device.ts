// The browser's own translator and detector: no word leaves the device. What the browser fetches before (a language pack) somebody has allowed.
import { FEW_LETTERS, lettersOf } from '../base/lang';
import { keeping } from '../base/keeping';
import { Trouble } from '../base/trouble';
import type { Ability, Answer, Translator } from './translator';

type Availability = 'unavailable' | 'downloadable' | 'downloading' | 'available';

interface Monitor {
  addEventListener(name: 'downloadprogress', heard: (e: { loaded: number }) => void): void;
}

interface CreateOptions {
  signal?: AbortSignal;
  monitor?: (m: Monitor) => void;
}

interface Pair {
  sourceLanguage: string;
  targetLanguage: string;
}

/** As browsers have them on pages with https; absent elsewhere. */
export interface BrowserApis {
  Translator?: {
    availability(o: Pair): Promise<Availability>;
    create(o: Pair & CreateOptions): Promise<{ translate(text: string): Promise<string>; destroy?(): void }>;
  };
  LanguageDetector?: {
    availability(): Promise<Availability>;
    create(o?: CreateOptions): Promise<{ detect(text: string): Promise<{ detectedLanguage: string; confidence: number }[]> }>;
  };
}

export const GIVE_UP_MS = 30_000;
/** What says at once what it can do, or has nobody behind it who will ever say. */
const ABILITY_MS = 3000;
const SURE = 0.6;
const MADE_MOST = 4;

type Made = Awaited<ReturnType<NonNullable<BrowserApis['Translator']>['create']>>;

/** Settles as the work does, but fails when `ms` pass without it or a sign of life. */
function within<T>(ms: number, code: string, work: (alive: () => void, signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  return new Promise<T>((done, fail) => {
    let timer: ReturnType<typeof setTimeout>;
    const alive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        stop.abort();
        fail(new Trouble('refused', code, ''));
      }, ms);
    };
    alive();
    work(alive, stop.signal)
      .then(done, fail)
      .finally(() => clearTimeout(timer));
  });
}

export class DeviceTranslator implements Translator {
  readonly by = 'device';
  readonly name = '';
  /** It was asked what it can do, and never said. */
  #isSilent = false;
  /** By pair: a translator is made once. */
  readonly #made = new Map<string, Promise<Made>>();

  constructor(readonly browser: BrowserApis) {}

  async can(source: string | undefined, target: string): Promise<Ability> {
    const { Translator } = this.browser;
    if (!source || !Translator || this.#isSilent) return 'no';
    try {
      const found = await within(ABILITY_MS, 'device_failed', () => Translator.availability({ sourceLanguage: source, targetLanguage: target }));
      return found === 'available' ? 'yes' : found === 'unavailable' ? 'no' : 'pack';
    } catch (e) {
      this.#isSilent ||= e instanceof Trouble;
      return 'no';
    }
  }

  /** Called from a press: browsers fetch nothing without one. `progress`: 0 to 1. */
  fetchPack(source: string, target: string, progress: (part: number) => void = () => undefined, ms = GIVE_UP_MS): Promise<void> {
    return this.#make(source, target, 'pack_stuck', progress, ms).then(() => undefined);
  }

  async translate(texts: string[], source: string | undefined, target: string): Promise<Answer[]> {
    if (!source) throw new Trouble('refused', 'unknown_language', '');
    const t = await this.#make(source, target, 'device_failed');
    const out: Answer[] = [];
    for (const text of texts) {
      try {
        const answer = await keeping(text, (line) => within(GIVE_UP_MS, 'device_failed', () => t.translate(line)));
        out.push({ text: answer, source, unchanged: answer === text });
      } catch {
        out.push({ error: 'device_failed' });
      }
    }
    return out;
  }

  #make(source: string, target: string, code: string, progress: (part: number) => void = () => undefined, ms = GIVE_UP_MS): Promise<Made> {
    const key = `${source}>${target}`;
    const known = this.#made.get(key);
    if (known) return known;
    const work = within(ms, code, (alive, signal) =>
      this.browser.Translator!.create({
        sourceLanguage: source, targetLanguage: target, signal,
        monitor: (m) => m.addEventListener('downloadprogress', (e) => (alive(), progress(e.loaded))),
      }),
    ).catch((e: unknown) => {
      this.#made.delete(key);
      throw e instanceof Trouble ? e : new Trouble('refused', code, String(e));
    });
    for (const [k, old] of this.#made) {
      if (this.#made.size < MADE_MOST) break;
      this.#made.delete(k);
      void old.then((t) => t.destroy?.(), () => undefined);
    }
    this.#made.set(key, work);
    return work;
  }
}

/** Which language a text is in, as the browser has it; undefined where it is not sure or cannot tell. Fetches nothing. */
export function detectorOf(browser: BrowserApis): (text: string) => Promise<string | undefined> {
  let ready: ReturnType<NonNullable<BrowserApis['LanguageDetector']>['create']> | null | undefined;
  return async (text) => {
    const { LanguageDetector } = browser;
    if (!LanguageDetector || ready === null || lettersOf(text) < FEW_LETTERS) return undefined;
    try {
      if (!ready) {
        if ((await within(ABILITY_MS, 'device_failed', () => LanguageDetector.availability())) !== 'available') {
          ready = null;
          return undefined;
        }
        ready = LanguageDetector.create();
      }
      const [best] = await within(GIVE_UP_MS, 'device_failed', async () => (await ready!).detect(text));
      return best && best.confidence >= SURE && best.detectedLanguage !== 'und' ? best.detectedLanguage : undefined;
    } catch {
      ready = null;
      return undefined;
    }
  };
}
