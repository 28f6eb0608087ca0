// Strings of the interface: one JSON a language, fetched when it is wanted.
import { signal } from '@preact/signals';
import type en from './en.json';

export type Key = keyof typeof en;
type Plural = Partial<Record<Intl.LDMLPluralRule, string>>;
export type Catalogue = Record<Key, string | Plural>;

export const languages = { en: 'English', ar: 'العربية', de: 'Deutsch', es: 'Español', fr: 'Français', he: 'עברית', hi: 'हिन्दी', ja: '日本語', 'pt-BR': 'Português (Brasil)', ru: 'Русский', uk: 'Українська', 'zh-Hans': '简体中文' } as const;
export type Language = keyof typeof languages;

/** File names of the catalogues as JSON, filled in by the build. */
declare const CATALOGUES: string;

/** No native speaker has read these yet. */
export const unread: ReadonlySet<string> = new Set(['ar', 'de', 'es', 'fr', 'he', 'hi', 'ja', 'pt-BR', 'ru', 'uk', 'zh-Hans']);

export const language = signal<Language>('en');
const strings = signal<Partial<Catalogue>>({});

export const isRtl = (l: string): boolean => /^(ar|he|fa|ur)\b/.test(l);

/** The language of ours that fits what the browser asks for. */
export function bestLanguage(wanted: readonly string[]): Language {
  for (const w of wanted) {
    if (/^zh/i.test(w)) return 'zh-Hans';
    if (/^pt/i.test(w)) return 'pt-BR';
    const base = w.toLowerCase().split('-')[0]!;
    if (base in languages) return base as Language;
  }
  return 'en';
}

export async function setLanguage(l: Language): Promise<void> {
  const r = await fetch((JSON.parse(CATALOGUES) as Record<Language, string>)[l]);
  if (!r.ok) throw new Error(`no catalogue of ${l}`);
  strings.value = (await r.json()) as Catalogue;
  language.value = l;
  document.documentElement.lang = l;
  document.documentElement.dir = isRtl(l) ? 'rtl' : 'ltr';
}

const rules = new Map<string, Intl.PluralRules>();
function pluralOf(n: number): Intl.LDMLPluralRule {
  const l = language.peek();
  const r = rules.get(l) ?? new Intl.PluralRules(l);
  rules.set(l, r);
  return r.select(n);
}

/** A string; `{name}` is filled in, `n` chooses the plural form. */
export function t(key: Key, fill?: Record<string, string | number>): string {
  const entry = strings.value[key] ?? key;
  const n = fill?.['n'];
  const form = typeof entry === 'string' ? entry : (entry[pluralOf(Number(n))] ?? entry.other ?? '');
  return fill ? form.replace(/\{(\w+)\}/g, (all, name: string) => (name in fill ? (typeof fill[name] === 'number' ? number(fill[name] as number) : String(fill[name])) : all)) : form;
}

/** A string that may not be there. */
export const maybe = (key: string): string | null => (hasKey(key) ? t(key) : null);

export const hasKey = (key: string): key is Key => key in strings.value;

const made = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat | Intl.DisplayNames | Intl.ListFormat>();
function format<T>(name: string, make: (l: string) => T): T {
  const key = `${language.value}:${name}`;
  const known = made.get(key);
  if (known) return known as T;
  const f = make(language.value);
  made.set(key, f as never);
  return f;
}

export const number = (n: number): string => format('n', (l) => new Intl.NumberFormat(l)).format(n);
export const timeOf = (ms: number): string => format('time', (l) => new Intl.DateTimeFormat(l, { hour: 'numeric', minute: '2-digit' })).format(ms);
export const fullTime = (ms: number): string => format('full', (l) => new Intl.DateTimeFormat(l, { dateStyle: 'full', timeStyle: 'short' })).format(ms);
export const dateOf = (ms: number): string => format('date', (l) => new Intl.DateTimeFormat(l, { dateStyle: 'medium' })).format(ms);
export const listOf = (names: string[]): string => format('list', (l) => new Intl.ListFormat(l)).format(names);

export function languageName(code: string): string {
  try {
    return format('lang', (l) => new Intl.DisplayNames(l, { type: 'language' })).of(code) ?? code;
  } catch {
    return code;
  }
}

const midnight = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);

/** Today, yesterday, a weekday, a date. */
export function dayName(ms: number): string {
  const days = Math.round((midnight(Date.now()) - midnight(ms)) / 86_400_000);
  if (days <= 1 && days >= 0) {
    const word = format('rel', (l) => new Intl.RelativeTimeFormat(l, { numeric: 'auto' })).format(-days, 'day');
    return word.charAt(0).toLocaleUpperCase(language.value) + word.slice(1);
  }
  const year = new Date(ms).getFullYear() === new Date().getFullYear() ? undefined : ('numeric' as const);
  return format(`day${year}`, (l) => new Intl.DateTimeFormat(l, { weekday: 'long', day: 'numeric', month: 'long', year })).format(ms);
}

/** For a row of the list: time today, weekday this week, else the date. */
export function whenShort(ms: number): string {
  const days = Math.round((midnight(Date.now()) - midnight(ms)) / 86_400_000);
  if (days <= 0) return timeOf(ms);
  if (days < 7) return format('wd', (l) => new Intl.DateTimeFormat(l, { weekday: 'short' })).format(ms);
  const year = new Date(ms).getFullYear() === new Date().getFullYear() ? undefined : ('2-digit' as const);
  return format(`dm${year}`, (l) => new Intl.DateTimeFormat(l, { day: 'numeric', month: 'short', year })).format(ms);
}

export function sizeOf(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  const i = Math.min(3, Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1000)));
  return format(`size${i}`, (l) => new Intl.NumberFormat(l, { style: 'unit', unit: units[i], unitDisplay: i ? 'short' : 'long', maximumFractionDigits: i > 1 ? 1 : 0 })).format(bytes / 1000 ** i);
}

export function lengthOf(ms: number): string {
  const s = Math.round(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}
