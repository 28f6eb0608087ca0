// Languages of texts: tags of BCP 47, what a script tells of them, and what is worth translating.
import type { Message } from './model';

/** Fewer letters than this are translated only when somebody asks: nobody can tell their language. */
export const FEW_LETTERS = 12;

const renamed: Record<string, string> = { iw: 'he', in: 'id', ji: 'yi', nb: 'no', nn: 'no', fil: 'tl' };

/** The language of a tag without region and script, in one spelling. */
export function baseOf(tag: string): string {
  const base = tag.toLowerCase().split(/[-_]/)[0]!;
  return renamed[base] ?? base;
}

function scriptOf(tag: string): string {
  try {
    return new Intl.Locale(tag).maximize().script ?? '';
  } catch {
    return '';
  }
}

/** Whether who reads one reads the other. Chinese in its two scripts counts as two. */
export function sameLanguage(a: string, b: string): boolean {
  return baseOf(a) === baseOf(b) && (baseOf(a) !== 'zh' || scriptOf(a) === scriptOf(b));
}

/** The one of `offered` that stands for a tag: itself, else one of the same language. */
export function offeredAs(tag: string, offered: readonly string[]): string | undefined {
  return offered.find((o) => o.toLowerCase() === tag.toLowerCase()) ?? offered.find((o) => sameLanguage(o, tag)) ?? offered.find((o) => baseOf(o) === baseOf(tag));
}

/** Code, links, addresses and mentions: in no language. */
const wordless = /```[\s\S]+?```|`[^`\n]+`|https?:\/\/\S+|www\.\S+|\S+@\S+|@[\p{L}\p{N}._-]+/gu;

/** How many letters of a text are somebody's words. */
export const lettersOf = (text: string): number => text.replace(wordless, ' ').match(/\p{L}/gu)?.length ?? 0;

/** Scripts that are used by one language, or nearly so. */
const byScript: [RegExp, string][] = [
  [/\p{sc=Hebrew}/gu, 'he'], [/\p{sc=Greek}/gu, 'el'], [/\p{sc=Hangul}/gu, 'ko'], [/\p{sc=Thai}/gu, 'th'], [/\p{sc=Armenian}/gu, 'hy'], [/\p{sc=Georgian}/gu, 'ka'],
  [/\p{sc=Tamil}/gu, 'ta'], [/\p{sc=Telugu}/gu, 'te'], [/\p{sc=Kannada}/gu, 'kn'], [/\p{sc=Malayalam}/gu, 'ml'], [/\p{sc=Gujarati}/gu, 'gu'],
];

/** The language that the letters alone tell; undefined for Latin, Cyrillic, Arabic and others that many share. */
export function languageByScript(text: string): string | undefined {
  const words = text.replace(wordless, ' ');
  const all = words.match(/\p{L}/gu)?.length ?? 0;
  if (!all) return undefined;
  const kana = words.match(/[\p{sc=Hiragana}\p{sc=Katakana}]/gu)?.length ?? 0;
  if (kana > all * 0.15) return 'ja';
  return byScript.find(([letters]) => (words.match(letters)?.length ?? 0) > all * 0.6)?.[1];
}

const parts: Record<string, string> = { Jpan: '\\p{sc=Hani}\\p{sc=Hira}\\p{sc=Kana}', Kore: '\\p{sc=Hang}\\p{sc=Hani}', Hans: '\\p{sc=Hani}', Hant: '\\p{sc=Hani}' };

/** Whether a text can be in a language, by its letters. */
export function canBeIn(text: string, tag: string): boolean {
  const script = scriptOf(tag);
  const words = text.replace(wordless, ' ');
  const all = words.match(/\p{L}/gu)?.length ?? 0;
  if (!script || !all) return true;
  try {
    return (words.match(new RegExp(`[${parts[script] ?? `\\p{sc=${script}}`}]`, 'gu'))?.length ?? 0) >= all / 2;
  } catch {
    return true;
  }
}

/** A message with the words that there are to read of it: for a voice note, those that were written down. */
export const asText = (m: Message): Message => (m.text || !m.transcript?.text ? m : { ...m, text: m.transcript.text, lang: m.transcript.lang });

/** Whether there are words of somebody in a message. */
export const hasWords = (m: Message): boolean => !m.withdrawn && !m.scrubbed && m.kind !== 'system' && lettersOf(m.text) > 0;

/** Whether a message is translated without being asked for. `reads`: the languages of the reader, that are left alone. */
export function isForeign(m: Message, reads: readonly string[]): boolean {
  if (m.mine || !hasWords(m)) return false;
  if (m.lang) return !reads.some((r) => sameLanguage(r, m.lang!));
  if (lettersOf(m.text) < FEW_LETTERS) return false;
  const told = languageByScript(m.text);
  return !told || !reads.some((r) => sameLanguage(r, told));
}

/** Rows of which something can be seen, the newest first. Rows come in the order of the page. */
export function inView<R extends { top: number; bottom: number }>(rows: readonly R[], top: number, bottom: number): R[] {
  return rows.filter((r) => r.bottom > top && r.top < bottom).reverse();
}
