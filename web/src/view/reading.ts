// The door to translation: its code is fetched when it is first wanted.
import { signal } from '@preact/signals';
import type { Settings } from '../core/engine';
import type { Config } from '../wire/api';

type Parts = typeof import('./translated');

export const reading = signal<Parts | null>(null);

export const loadReading = (): Promise<Parts> => import('./translated').then((parts) => (reading.value = parts));

/** How long a message waits to learn its language. */
const LANG_MS = 300;

/** The language of a message that is about to be sent, where anybody could tell. */
export function spokenLang(text: string, s: Settings): Promise<string | undefined> | undefined {
  if (!reading.peek() && !wantsReading(s)) return undefined;
  const found = loadReading().then((parts) => parts.langOf(text)).catch(() => undefined);
  return Promise.race([found, new Promise<undefined>((done) => setTimeout(() => done(undefined), LANG_MS))]);
}

/** Whether anybody could: the relay's engine, or the browser by itself. */
export const canTranslate = (config: Config | null): boolean => config?.features['translation'] === true || 'Translator' in globalThis;

/** Whether a chat needs it before anybody presses anything: to read in another language, or to say which one somebody writes. */
export const wantsReading = (s: Settings): boolean => (!!s.translateBy && s.translateBy !== 'off') || !!s.writes || 'LanguageDetector' in globalThis;
