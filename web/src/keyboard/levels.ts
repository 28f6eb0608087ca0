// What the layouts of the package do not have: dead keys, the third level (AltGr), and what a long press offers.

/** Keys that wait for the next letter, by layout. */
const DEAD: Record<string, string> = {
  brazilian: '´`~^\u0308', czech: '´¨ˇ°', french: '^¨', german: '^´`', greek: '΄¨΅', nigerian: 'ˊˆ', norwegian: '´`¨^', polish: '˛',
  spanish: '\u0301\u0308', swedish: '´`¨^', turkish: '^´`~',
};

/** Pairs: the key, what it writes with AltGr. */
const ALT: Record<string, string> = {
  brazilian: '1¹2²3³4£5¢6¬=§q/w?e°c₢[ª]º', czech: 'q\\w|e€s$f[g]x#c&v@b{n}ú÷)×,<.>-*', french: '2~3#4{5[6|7`8\\9^0@°]+}e€$¤',
  german: '2²3³7{8[9]0}ß\\q@e€+~<|mµ', hungarian: 'q\\w|u€f[g]x#c&v@b{n}é$áßű¤í<y>,;-*',
  italian: 'e€è[+]ò@à#', norwegian: '2@3£4$7{8[9]0}e€mµ<|', polish: 'aącćeęlłnńoósśxźzżu€2@7{8[9]0}', spanish: '|\\1|2@3#4~5€6¬e€',
  swedish: '2@3£4$7{8[9]0}+\\e€mµ<|', turkish: '2£3#4$5½7{8[9]0}*\\q@e€iısßt₺',
  hebrew: '4₪-־ש\u05b0פ\u05b7ק\u05b8צ\u05b5ס\u05b6ח\u05b4ו\u05b9ט\u05bbד\u05bcר\u05b3ב\u05b1ם\u05b2/\u05c2\'\u05c1',
};

/** A letter and its relatives, lower case; upper case follows by itself. */
const VARIANTS = [
  'aàáâäãåāąæ', 'cçćč', 'dďđɗ', 'eèéêëēęěǝ', 'gğ', 'iìíîïīı', 'kƙ', 'lłľ', 'nñńň', 'oòóôöõøőœ', 'rřŕ', 'sßśšş', 'tťţþ', 'uùúûüūůű', 'yýÿƴ', 'zźžż', 'bɓ',
  'еёєѐ', 'иіїй', 'гґѓ', 'уў', 'кќ', 'ьъ', 'іїи', 'αά', 'εέ', 'ηή', 'ιίϊΐ', 'οό', 'υύϋΰ', 'ωώ', 'σς',
  'اأإآٱ', 'هةھ', 'وؤ', 'يىئ', 'یىئ', 'كک', 'کك', 'بپ', 'جچ', 'زژ', 'فڤ', 'رڕ',
  '-–—', '.…', '"„“”«»', '\'‘’', '?¿', '!¡', '$€£¥',
].map((v) => [...v]);

const pairs = new Map<string, Map<string, string>>();
function altOf(layout: string): Map<string, string> {
  let m = pairs.get(layout);
  if (!m) {
    const all = [...(ALT[layout] ?? '')];
    m = new Map(all.flatMap((k, i) => (i % 2 ? [] : [[k, all[i + 1]!] as const])));
    pairs.set(layout, m);
  }
  return m;
}

export const isDead = (layout: string, key: string): boolean => key !== '' && (DEAD[layout] ?? '').includes(key);
export const hasAlt = (layout: string): boolean => layout in ALT;
export const altFor = (layout: string, key: string): string => altOf(layout).get(key) ?? '';

const isLetterPair = (a: string, b: string, code: string): boolean => a.toLocaleUpperCase(code) === b || a.toUpperCase() === b || b.toUpperCase() === a;

/** What a long press on a key offers: its other levels, then relatives of its letter in the same case. */
export function variantsOf(layout: string, code: string, shown: string, levels: string[]): string[] {
  const low = shown.toLocaleLowerCase(code);
  const isUpper = low !== shown;
  const kin = VARIANTS.find((v) => v[0] === low)?.slice(1) ?? [];
  const cased = isUpper ? kin.map((k) => k.toLocaleUpperCase(code)).filter((k) => [...k].length === 1) : kin;
  const others = levels.filter((k) => k && !isLetterPair(k, shown, code));
  return [...new Set([...others, ...cased])].filter((k) => k !== shown && !(isDead(layout, k) && cased.includes(k)));
}
