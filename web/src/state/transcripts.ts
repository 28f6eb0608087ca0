// What views read of transcripts: one signal a message while something is under way or failed.
import { signal, type Signal } from '@preact/signals';
import { newId } from '../base/ids';
import type { Message } from '../base/model';
import type { Engine } from '../core/engine';
import { hearerOf, Transcripts, type Hearing } from '../core/transcripts';
import { upload } from '../wire/upload';

export class Hearer {
  /** Transcripts that are put away, so that only the player is seen. */
  readonly hidden = signal<ReadonlySet<string>>(new Set());
  readonly core: Transcripts;
  readonly #hearings = new Map<string, Signal<Hearing | null>>();
  readonly #off: (() => void)[];

  constructor(
    readonly engine: Engine,
    /** `pressed`: somebody waits for it. */
    onText: (m: Message, pressed: boolean) => void,
    onBad: (h: Hearing) => void,
  ) {
    this.core = new Transcripts({
      store: engine.store,
      api: engine.api,
      lend: async (m) => {
        const a = m.files?.[0];
        const kept = a && (await engine.store.file.get(a.key));
        if (!kept) return undefined;
        const blob = kept.blob.type === a.mime ? kept.blob : new Blob([kept.blob], { type: a.mime });
        return (await upload(engine.api.relay, newId(), 'voice', blob, () => undefined, new AbortController().signal)).file_id;
      },
      takeBack: (id) => engine.api.removeFile(id),
      name: () => engine.config?.transcription?.name ?? '',
      onHearing: (key, h) => {
        this.of(key).value = h;
        if (h?.t === 'bad' && h.pressed) onBad(h);
      },
      onMessage: async (m, pressed) => {
        await engine.changed([m]);
        onText(m, pressed);
      },
    });
    let known = hearerOf(engine.config);
    let agreed = engine.settings.voiceFor;
    this.#off = [
      engine.on('config', (c) => {
        if (hearerOf(c) !== known) this.core.again();
        known = hearerOf(c);
      }),
      engine.on('settings', (s) => {
        if (s.voiceFor !== agreed) this.core.again();
        agreed = s.voiceFor;
      }),
      engine.on('removed', ({ keys }) => keys.forEach((k) => this.#hearings.delete(k))),
    ];
  }

  stop(): void {
    for (const off of this.#off) off();
    this.core.stop();
  }

  of(key: string): Signal<Hearing | null> {
    const known = this.#hearings.get(key) ?? signal<Hearing | null>(null);
    this.#hearings.set(key, known);
    return known;
  }

  hide(key: string, is: boolean): void {
    const next = new Set(this.hidden.peek());
    if (is) next.add(key);
    else next.delete(key);
    this.hidden.value = next;
  }
}
