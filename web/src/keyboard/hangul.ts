// Hangul from its letters, as a two-set keyboard writes it: always whole syllables (NFC), never a chain of loose letters.

/** A syllable in the making: indices of its first consonant, vowel and final; -1 is none. */
export interface Syllable {
  l: number;
  v: number;
  t: number;
}

const L0 = 0x1100;
const V0 = 0x1161;
const S0 = 0xac00;
const VOWELS = 21;
const FINALS = 28;

/** How a lone letter is written, in the order of first consonants, of vowels, of finals (the first of these is none). */
const LONE_L = 'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ';
const LONE_V = 'ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ';
const LONE_T = ' ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ';
/** Two letters that are written as one: vowels, then finals. */
const PAIRS = ['ㅗㅏㅘ', 'ㅗㅐㅙ', 'ㅗㅣㅚ', 'ㅜㅓㅝ', 'ㅜㅔㅞ', 'ㅜㅣㅟ', 'ㅡㅣㅢ', 'ㄱㅅㄳ', 'ㄴㅈㄵ', 'ㄴㅎㄶ', 'ㄹㄱㄺ', 'ㄹㅁㄻ', 'ㄹㅂㄼ', 'ㄹㅅㄽ', 'ㄹㅌㄾ', 'ㄹㅍㄿ', 'ㄹㅎㅀ', 'ㅂㅅㅄ'];
const both = new Map(PAIRS.map((p) => [p.slice(0, 2), p[2]!]));
const parts = new Map(PAIRS.map((p) => [p[2]!, [p[0]!, p[1]!] as const]));

/** The lone letter for what a layout has on its key (U+1100 to U+1112, U+1161 to U+1175); null for everything else. */
export function letterOf(key: string): string | null {
  const c = key.codePointAt(0) ?? 0;
  return LONE_L[c - L0] ?? LONE_V[c - V0] ?? null;
}

/** What a syllable looks like. */
export function shown({ l, v, t }: Syllable): string {
  if (l < 0) return LONE_V[v] ?? '';
  if (v < 0) return LONE_L[l]!;
  return String.fromCharCode(S0 + (l * VOWELS + v) * FINALS + Math.max(t, 0));
}

const consonant = (letter: string): Syllable => ({ l: LONE_L.indexOf(letter), v: -1, t: -1 });

function addConsonant(now: Syllable, letter: string): Syllable[] {
  const lone = LONE_T.indexOf(letter);
  if (now.l < 0 || now.v < 0) return [now, consonant(letter)];
  if (now.t < 0) return lone > 0 ? [{ ...now, t: lone }] : [now, consonant(letter)];
  const pair = both.get(LONE_T[now.t]! + letter);
  return pair ? [{ ...now, t: LONE_T.indexOf(pair) }] : [now, consonant(letter)];
}

function addVowel(now: Syllable, letter: string): Syllable[] {
  const v = LONE_V.indexOf(letter);
  if (now.v < 0) return [{ ...now, v }];
  if (now.t < 0) {
    const pair = both.get(LONE_V[now.v]! + letter);
    return pair ? [{ ...now, v: LONE_V.indexOf(pair) }] : [now, { l: -1, v, t: -1 }];
  }
  // the final, or its second half, begins the next syllable
  const [stays, goes] = parts.get(LONE_T[now.t]!) ?? [' ', LONE_T[now.t]!];
  return [{ ...now, t: LONE_T.indexOf(stays) || -1 }, { ...consonant(goes), v }];
}

/** A letter more: the syllable in the making, then perhaps one that it leaves behind it finished; the last one is now in the making. */
export function add(now: Syllable | null, letter: string): Syllable[] {
  const isVowel = LONE_V.includes(letter);
  if (!now) return [isVowel ? { l: -1, v: LONE_V.indexOf(letter), t: -1 } : consonant(letter)];
  return isVowel ? addVowel(now, letter) : addConsonant(now, letter);
}

/** A letter less; null when nothing is left. */
export function takeOff(now: Syllable): Syllable | null {
  if (now.t > 0) {
    const half = parts.get(LONE_T[now.t]!)?.[0];
    return { ...now, t: half ? LONE_T.indexOf(half) : -1 };
  }
  if (now.v >= 0) {
    const half = parts.get(LONE_V[now.v]!)?.[0];
    if (half) return { ...now, v: LONE_V.indexOf(half) };
    return now.l < 0 ? null : { ...now, v: -1 };
  }
  return null;
}
