// Who can translate: one interface, three of them, asked in order. The browser's own sends nothing anywhere; the relay's engine is asked only
// after somebody chose it; the last one says why there is none.
import { offeredAs } from '../base/lang';
import { Trouble } from '../base/trouble';
import type { Api, Config } from '../wire/api';

/** yes: at once; pack: the browser has to fetch the languages first, which somebody has to allow. */
export type Ability = 'yes' | 'pack' | 'no';

export interface Answer {
  text?: string;
  /** The language it was in, where the translator knows. */
  source?: string;
  unchanged?: boolean;
  error?: string;
}

export interface Translator {
  readonly by: 'device' | 'relay' | 'none';
  /** What to call it; '' is this device. */
  readonly name: string;
  can(source: string | undefined, target: string): Promise<Ability>;
  /** As many answers as texts, in their order. Throws a Trouble where it failed as a whole. */
  translate(texts: string[], source: string | undefined, target: string): Promise<Answer[]>;
}

export class RelayTranslator implements Translator {
  readonly by = 'relay';

  constructor(
    readonly api: Pick<Api, 'translate'>,
    readonly config: Config | null,
  ) {}

  get name(): string {
    return this.config?.translation?.name ?? '';
  }

  async can(source: string | undefined, target: string): Promise<Ability> {
    const t = this.config?.translation;
    if (this.config?.features['translation'] !== true || !t) return 'no';
    const to = offeredAs(target, t.languages);
    const from = source && offeredAs(source, t.languages);
    if (!to || (source && !from)) return 'no';
    return !t.pairs || t.pairs.some(([a, b]) => b === to && (!from || a === from)) ? 'yes' : 'no';
  }

  async translate(texts: string[], source: string | undefined, target: string): Promise<Answer[]> {
    const offered = this.config?.translation?.languages ?? [];
    const { translations } = await this.api.translate(texts, offeredAs(target, offered) ?? target, source && (offeredAs(source, offered) ?? source));
    return texts.map((_, i) => translations[i] ?? { error: 'engine_failed' });
  }
}

/** The end of the line: says why. */
export class NoTranslator implements Translator {
  readonly by = 'none';
  readonly name = '';

  constructor(readonly code: string) {}

  async can(): Promise<Ability> {
    return 'yes';
  }

  async translate(): Promise<Answer[]> {
    throw new Trouble('refused', this.code, '');
  }
}

export interface Choice {
  translateBy?: 'device' | 'relay' | 'off';
  /** The engine that was chosen with 'relay': another one is not asked before one has agreed again. */
  translateFor?: string;
}

/** What one agrees to: where the words go. '' while the relay has no engine. */
export function engineOf(config: Config | null): string {
  const t = config?.translation;
  return config?.features['translation'] === true && t ? `${t.engine ?? 'remote'} ${t.name ?? ''}` : '';
}

/** Who may be asked, in order. */
export function translatorsOf(choice: Choice, config: Config | null, api: Pick<Api, 'translate'>, device: Translator): Translator[] {
  if (!choice.translateBy || choice.translateBy === 'off') return [new NoTranslator('no_translator')];
  if (choice.translateBy === 'device') return [device, new NoTranslator('not_on_device')];
  const engine = engineOf(config);
  if (!engine) return [device, new NoTranslator('translation_off')];
  if (engine !== choice.translateFor) return [device, new NoTranslator('other_engine')];
  return [device, new RelayTranslator(api, config), new NoTranslator('unsupported_language')];
}

/** The first that can do it at once. */
export async function firstOf(list: Translator[], source: string | undefined, target: string): Promise<Translator> {
  let isPack = false;
  for (const t of list) {
    const can = await t.can(source, target);
    if (t instanceof NoTranslator) {
      if (isPack) return new NoTranslator('needs_pack');
      return source || t.code !== 'not_on_device' ? t : new NoTranslator('unknown_language');
    }
    if (can === 'yes') return t;
    isPack ||= can === 'pack';
  }
  return new NoTranslator(isPack ? 'needs_pack' : 'no_translator');
}
