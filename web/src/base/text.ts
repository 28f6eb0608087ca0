// Text to pieces that views turn into nodes; nothing here ever makes markup.
import type { LinkifyIt } from 'linkify-it';

export type Piece = { t: 'text' | 'code' | 'block'; s: string } | { t: 'link'; s: string; href: string };

let links: LinkifyIt | null = null;

/** Fetches what finds links; until then a text has none. */
export async function loadLinks(): Promise<void> {
  const { LinkifyIt } = await import('linkify-it');
  links = new LinkifyIt({ fuzzyLink: true, fuzzyEmail: true, fuzzyIP: false, urlAuth: true });
  for (const scheme of ['ftp:', '//']) links.add(scheme, null);
}

/** Only these may be opened; anything else stays text. */
export function safeHref(url: string): string | null {
  try {
    const u = new URL(url);
    if (u.protocol === 'mailto:') return u.href;
    if ((u.protocol === 'http:' || u.protocol === 'https:') && !u.username && !u.password) return u.href;
  } catch {
    /* no address */
  }
  return null;
}

function linkPieces(text: string): Piece[] {
  const found = links?.match(text) as { index: number; lastIndex: number; url: string; raw: string }[] | null | undefined;
  if (!found) return [{ t: 'text', s: text }];
  const out: Piece[] = [];
  let at = 0;
  for (const m of found) {
    const url = m.url.startsWith('http://') && !/^http:/i.test(m.raw) ? 'https://' + m.url.slice(7) : m.url;
    const href = safeHref(url);
    if (!href) continue;
    if (m.index > at) out.push({ t: 'text', s: text.slice(at, m.index) });
    out.push({ t: 'link', s: text.slice(m.index, m.lastIndex), href });
    at = m.lastIndex;
  }
  if (at < text.length) out.push({ t: 'text', s: text.slice(at) });
  return out;
}

/** Links, `code` and ```blocks``` of a message. */
export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const m of text.matchAll(/```\n?([\s\S]+?)\n?```|`([^`\n]+)`/g)) {
    if (m.index! > at) out.push(...linkPieces(text.slice(at, m.index)));
    out.push(m[1] !== undefined ? { t: 'block', s: m[1] } : { t: 'code', s: m[2]! });
    at = m.index! + m[0].length;
  }
  if (at < text.length) out.push(...linkPieces(text.slice(at)));
  return out;
}

const segmenter = typeof Intl !== 'undefined' && 'Segmenter' in Intl ? new Intl.Segmenter(undefined, { granularity: 'grapheme' }) : null;

export function graphemes(text: string): string[] {
  return segmenter ? Array.from(segmenter.segment(text), (s) => s.segment) : Array.from(text);
}

/** One to three emoji and nothing else: shown large. */
export function isBigEmoji(text: string): boolean {
  if (!text || text.length > 40 || !/^[\p{Extended_Pictographic}\p{Emoji_Component}\p{Regional_Indicator}\u200d\ufe0f]+$/u.test(text) || /^[\d#*\s]+$/.test(text)) return false;
  return graphemes(text).length <= 3;
}

const hiddenChars = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A name on one line: characters that would turn or hide text are shown as what they are. */
export function plainName(name: string): string {
  return name.replace(hiddenChars, (c) => `\u2039${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}\u203a`);
}

/** A chat address as it is shown: read from left to right in every language. */
export const handleOf = (address: string): string => `\u2066@${address}\u2069`;

/** First letters of the first and the last word; one for CJK. */
export function initials(name: string): string {
  const words = name.replace(hiddenChars, '').trim().split(/[\s._-]+/u).filter((w) => /[\p{L}\p{N}]/u.test(w));
  const first = (w: string): string => graphemes(w.replace(/^[^\p{L}\p{N}]+/u, ''))[0] ?? '';
  if (words.length === 0) return graphemes(name.trim())[0] ?? '?';
  const a = first(words[0]!);
  if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(a)) return a;
  return (a + (words.length > 1 ? first(words[words.length - 1]!) : '')).toLocaleUpperCase();
}

/** Text as search compares it. */
export const folded = (s: string): string => s.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();
