// The keyboards there are: whose language each writes, and what it is called.
import { language, languageName, listOf, t, type Key } from '../i18n';

/** Tags of the languages, the language's own name for itself, and what tells it from another one of the same language. */
type Entry = [codes: string, own: string, more?: 'eastern' | 'western' | 'phonetic' | 'old'];

export const keyboards: Record<string, Entry> = {
  arabic: ['ar', 'العربية'], armenianEastern: ['hy', 'Հայերեն', 'eastern'], armenianWestern: ['hy', 'Հայերեն', 'western'],
  assamese: ['as', 'অসমীয়া'], balochi: ['bal', 'بلۏچی'], belarusian: ['be', 'Беларуская'],
  bengali: ['bn', 'বাংলা'], brazilian: ['pt-BR', 'Português (Brasil)'], burmese: ['my', 'မြန်မာ'], chinese: ['zh', '中文'], czech: ['cs', 'Čeština'],
  english: ['en', 'English'], farsi: ['fa', 'فارسی'], french: ['fr', 'Français'],
  georgian: ['ka', 'ქართული'], german: ['de', 'Deutsch'], gilaki: ['glk', 'گیلکی'], greek: ['el', 'Ελληνικά'], hebrew: ['he', 'עברית'],
  hindi: ['hi', 'हिन्दी'], hungarian: ['hu', 'Magyar'], italian: ['it', 'Italiano'],
  japanese: ['ja', '日本語'], kannada: ['kn', 'ಕನ್ನಡ'], korean: ['ko', '한국어'], kurdish: ['ckb', 'کوردیی ناوەندی'], macedonian: ['mk', 'Македонски'],
  malayalam: ['ml', 'മലയാളം'], nigerian: ['ha ig yo', 'Hausa, Igbo, Yorùbá'],
  nko: ['nqo', 'ߒߞߏ'], norwegian: ['no', 'Norsk'], odia: ['or', 'ଓଡ଼ିଆ'], polish: ['pl', 'Polski'], punjabi: ['pa', 'ਪੰਜਾਬੀ'],
  russian: ['ru', 'Русский'], russianOld: ['ru', 'Русскій', 'old'], sindhi: ['sd', 'سنڌي'],
  spanish: ['es', 'Español'], swedish: ['sv', 'Svenska'], telugu: ['te', 'తెలుగు'], thai: ['th', 'ไทย'], turkish: ['tr', 'Türkçe'],
  ukrainian: ['uk', 'Українська'], urdu: ['ur', 'اردو', 'phonetic'], urduStandard: ['ur', 'اردو'],
  uyghur: ['ug', 'ئۇيغۇرچە'],
};

/** These scripts are chosen from lists of words: keys alone cannot write them. */
const NEED_SYSTEM = new Set(['chinese', 'japanese']);

export const needsSystem = (id: string): boolean => NEED_SYSTEM.has(id);
export const codeOf = (id: string): string => keyboards[id]?.[0].split(' ')[0] ?? 'en';
export const ownName = (id: string): string => keyboards[id]?.[1] ?? id;

/** Languages that browsers have no name for. */
const NAMED: Record<string, Key> = { bal: 'kb.lang.bal', glk: 'kb.lang.glk', nqo: 'kb.lang.nqo' };
const MORE: Record<NonNullable<Entry[2]>, Key> = { eastern: 'kb.eastern', western: 'kb.western', phonetic: 'kb.phonetic', old: 'kb.old' };

/** What a keyboard is called in the language of the page. */
export function nameOf(id: string): string {
  const [codes, own, more] = keyboards[id] ?? ['', id];
  const name = listOf(codes.split(' ').map((c) => (NAMED[c] ? t(NAMED[c]) : languageName(c)))) || own;
  const whole = name.charAt(0).toLocaleUpperCase(language.value) + name.slice(1);
  return more ? t(MORE[more], { name: whole }) : whole;
}

/** All of them in the order of their names. */
export function allByName(): string[] {
  const by = new Intl.Collator(language.value);
  return Object.keys(keyboards).map((id) => [nameOf(id), id] as const).sort((a, b) => by.compare(a[0], b[0])).map(([, id]) => id);
}

/** The keyboards of which a name, in any language at hand, has these words. */
export function matching(ids: string[], words: string): string[] {
  const wanted = words.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return ids.filter((id) => {
    const names = `${nameOf(id)} ${ownName(id)} ${id} ${keyboards[id]![0]}`.toLocaleLowerCase();
    return wanted.every((w) => names.includes(w));
  });
}

/** Languages that are written with the keyboard of another tag. */
const SAME: Record<string, string> = { nb: 'no', nn: 'no', ku: 'ckb' };

/** The first keyboard for a language, by its tag; null where there is none. */
export function keyboardFor(tag: string): string | null {
  const short = tag.split('-')[0]!;
  const base = SAME[short] ?? short;
  const ids = Object.keys(keyboards).filter((id) => !keyboards[id]![2] || keyboards[id]![2] === 'eastern');
  const has = (id: string, what: string): boolean => keyboards[id]![0].split(' ').includes(what);
  return ids.find((id) => has(id, tag)) ?? ids.find((id) => has(id, base)) ?? ids.find((id) => keyboards[id]![0].split('-')[0] === base) ?? null;
}
