// What a key does to the text: a pure machine over what stands before the caret. Dead keys, Hangul, marks that join, deleting what one sees as one sign.
import { add, letterOf, shown, takeOff, type Syllable } from './hangul';

/** `cut` UTF-16 units before the caret go, `text` comes in their place. */
export interface Edit {
  cut: number;
  text: string;
}

/** The mark that a dead key adds to the next letter. */
const MARKS: Record<string, string> = {
  '´': '\u0301', '\u0301': '\u0301', 'ˊ': '\u0301', '`': '\u0300', '^': '\u0302', 'ˆ': '\u0302', '¨': '\u0308', '\u0308': '\u0308', '~': '\u0303',
  'ˇ': '\u030c', '°': '\u030a', '˛': '\u0328', '΄': '\u0301', '΅': '\u0308\u0301',
};
/** What a dead key writes by itself, where it is a mark. */
const ALONE: Record<string, string> = { '\u0301': '´', '\u0308': '¨' };
/** Signs that change the letter before them where that makes another letter. */
const AFTER: Record<string, string> = { '゛': '\u3099', '゜': '\u309a' };

const segments = (locale?: string): Intl.Segmenter => new Intl.Segmenter(locale, { granularity: 'grapheme' });

/** The length in UTF-16 units of the last sign that one sees. */
export function lastSign(before: string): number {
  if (!before) return 0;
  // a sign is short: no need to look at a whole letter; but never begin within a pair
  let from = Math.max(0, before.length - 64);
  if (from && /[\uDC00-\uDFFF]/.test(before[from]!)) from++;
  let last = '';
  for (const s of segments().segment(before.slice(from))) last = s.segment;
  return last.length;
}

/** A mark that makes one letter with the one before it does so at once. */
function joined(before: string, key: string): Edit {
  const mark = AFTER[key] ?? key;
  if (!/^\p{M}$/u.test(mark)) return { cut: 0, text: key };
  const letter = [...before.slice(-2)].pop() ?? '';
  const one = (letter + mark).normalize('NFC');
  return letter && [...one].length === 1 ? { cut: letter.length, text: one } : { cut: 0, text: key };
}

export class Typist {
  /** The dead key that waits for its letter. */
  dead = '';
  #syllable: Syllable | null = null;

  /** Forgets what is in the making: the caret has moved, or somebody else wrote. */
  reset(): void {
    this.dead = '';
    this.#syllable = null;
  }

  get isComposing(): boolean {
    return this.#syllable !== null;
  }

  /** A key that writes; `isDead` when the layout says that it waits for the next one. */
  press(before: string, key: string, isDead = false): Edit {
    if (this.dead) return this.#afterDead(before, key);
    if (isDead) {
      this.#syllable = null;
      this.dead = key;
      return { cut: 0, text: '' };
    }
    const letter = letterOf(key);
    if (letter) return this.#hangul(letter);
    this.#syllable = null;
    return joined(before, key);
  }

  #afterDead(before: string, key: string): Edit {
    const dead = this.dead;
    this.dead = '';
    const alone = ALONE[dead] ?? dead;
    if (key === ' ' || key === dead) return { cut: 0, text: alone };
    const one = (key + (MARKS[dead] ?? '')).normalize('NFC');
    if ([...one].length === 1 && one !== key) return { cut: 0, text: one };
    const rest = this.press(before + alone, key);
    return { cut: 0, text: alone + rest.text };
  }

  #hangul(letter: string): Edit {
    const cut = this.#syllable ? shown(this.#syllable).length : 0;
    const made = add(this.#syllable, letter);
    this.#syllable = made[made.length - 1]!;
    return { cut, text: made.map(shown).join('') };
  }

  /** One sign back; in a syllable that is being made, one letter. */
  back(before: string): Edit {
    if (this.dead) {
      this.dead = '';
      return { cut: 0, text: '' };
    }
    if (!this.#syllable) return { cut: lastSign(before), text: '' };
    const cut = shown(this.#syllable).length;
    this.#syllable = takeOff(this.#syllable);
    return { cut, text: this.#syllable ? shown(this.#syllable) : '' };
  }
}
