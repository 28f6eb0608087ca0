// What views read of translations: one signal a message, and why the last ones did not come.
import { signal, type Signal } from '@preact/signals';
import { asText } from '../base/lang';
import type { Message } from '../base/model';
import type { Engine } from '../core/engine';
import { Translations, type Entry, type Failure } from '../core/translations';
import { translatorsOf } from '../core/translator';
import { detectorOf, DeviceTranslator, type BrowserApis } from '../core/translator-device';

export interface ReaderEvents {
  /** Came by themselves. */
  onDone: (count: number) => void;
  /** One that somebody asked for. */
  onAsked: (entry: Entry) => void;
}

const browser = globalThis as unknown as BrowserApis;

export const hasDevice = (): boolean => !!browser.Translator;
export const hasDetector = (): boolean => !!browser.LanguageDetector;

export class Reader {
  readonly failure = signal<Failure | null>(null);
  /** Messages of which the original is looked at. */
  readonly originals = signal<ReadonlySet<string>>(new Set());
  /** How much of a language pack is there; null: none is on its way. */
  readonly fetching = signal<number | null>(null);
  readonly device = new DeviceTranslator(browser);
  readonly detect = detectorOf(browser);
  readonly core: Translations;
  readonly #entries = new Map<string, Signal<Entry | null>>();
  readonly #asked = new Set<string>();
  readonly #off: (() => void)[];

  constructor(
    readonly engine: Engine,
    readonly events: ReaderEvents,
  ) {
    this.core = new Translations({
      store: engine.store,
      translators: () => translatorsOf(engine.settings, engine.config, engine.api, this.device),
      detect: this.detect,
      reads: () => engine.settings.reads ?? [],
      onEntry: (key, entry) => this.#put(key, entry),
      onDone: (n) => events.onDone(n),
      onFailure: (f) => (this.failure.value = f),
    });
    let config = JSON.stringify(engine.config?.translation);
    let choice = `${engine.settings.translateBy} ${engine.settings.translateFor}`;
    this.#off = [
      engine.on('settings', (s) => {
        const next = `${s.translateBy} ${s.translateFor}`;
        if (next !== choice) this.core.again();
        choice = next;
      }),
      engine.on('config', (c) => {
        const next = JSON.stringify(c.translation);
        if (next !== config) this.core.again();
        config = next;
      }),
      engine.on('removed', ({ keys }) => keys.forEach((k) => this.#entries.delete(k))),
    ];
  }

  stop(): void {
    for (const off of this.#off) off();
    this.core.stop();
  }

  #signal(key: string): Signal<Entry | null> {
    const known = this.#entries.get(key) ?? signal<Entry | null>(null);
    this.#entries.set(key, known);
    return known;
  }

  #put(key: string, entry: Entry | null): void {
    const s = this.#entries.get(key);
    if (s) s.value = entry;
    else if (entry) this.#entries.set(key, signal(entry));
    if (!entry || entry.t === 'busy' || !this.#asked.delete(key)) return;
    this.events.onAsked(entry);
  }

  /** What is known of a message as it is now. */
  entryOf(m: Message): Entry | null {
    const e = this.#signal(m.key).value;
    return e && e.of === asText(m).text && !m.withdrawn && !m.scrubbed ? e : null;
  }

  /** What is read in place of a message's words; null: the words themselves. */
  shownOf(m: Message): { text: string; lang: string } | null {
    const e = this.entryOf(m);
    return e?.t === 'done' && !this.originals.value.has(m.key) ? { text: e.text, lang: e.to } : null;
  }

  showOriginal(key: string, is: boolean): void {
    const next = new Set(this.originals.peek());
    if (is) next.add(key);
    else next.delete(key);
    this.originals.value = next;
  }

  ask(m: Message, to: string, from?: string): void {
    this.#asked.add(m.key);
    this.showOriginal(m.key, false);
    this.core.press(m, to, from);
  }

  leave(): void {
    this.#asked.clear();
    this.core.leave();
    this.originals.value = new Set();
  }
}
