// Where the keys are drawn, and which of them belongs to a key of the machine's own keyboard.
import { altFor } from './levels';

/** The keys of a layout by row; '' is a place without a letter. */
export interface Layout {
  id: string;
  default: string[][];
  shift: string[][];
}

export type Level = 'default' | 'shift' | 'alt' | 'shift-alt';
/** What keys do besides writing. */
export type Steer = 'shift' | 'lock' | 'delete' | 'enter' | 'space' | 'alt' | 'page' | 'next';

/** One key of the board: in quarters of a key from the left, and how many of them wide. */
export interface Slot {
  row: number;
  at: number;
  span: number;
  steer?: Steer;
  /** A letter of the layout, by its row and column. */
  key?: [row: number, col: number];
  /** A sign that is always the same. */
  sign?: string;
}

export interface Board {
  slots: Slot[];
  /** Quarters of a key in the widest row. */
  width: number;
  rows: number;
}

const Q = 4;
const DIGIT_ONE = /^[1١۱१১೧൧୧၁߁]$/;

/** What a key writes at a level; '' where it writes nothing. */
export function written(l: Layout, level: Level, [row, col]: [number, number], code = 'en'): string {
  const base = l.default[row]?.[col] ?? '';
  if (level === 'default') return base;
  const shift = l.shift[row]?.[col] ?? '';
  if (level === 'shift') return shift;
  const alt = altFor(l.id, base);
  const upper = alt.toLocaleUpperCase(code);
  return level === 'shift-alt' && [...upper].length === 1 ? upper : alt;
}

const columns = (l: Layout, row: number): number => Math.max(l.default[row]?.length ?? 0, l.shift[row]?.length ?? 0);
const isLetter = (s: string | undefined): boolean => /[\p{L}\p{M}\u200c\u200d\u309b\u309c]/u.test(s ?? '');

/** Layouts whose last row of letters has a key more than a machine, yet begins at its usual place. */
const NO_KEY_BEFORE_Z = new Set(['belarusian', 'nigerian', 'sindhi', 'urdu']);
const hasKeyBeforeZ = (l: Layout): boolean => columns(l, 3) > 10 && !NO_KEY_BEFORE_Z.has(l.id);

/** The column of the key "1". */
function columnOfOne(l: Layout): number {
  for (const row of [l.default[0]!, l.shift[0]!]) {
    const i = row.findIndex((k) => DIGIT_ONE.test(k));
    if (i >= 0) return i;
  }
  return 1;
}

const letters = (s: string): string[] => [...s].map((c) => `Key${c}`);
const PLACES = {
  digits: [...'1234567890'].map((d) => `Digit${d}`).concat('Minus', 'Equal', 'IntlYen'),
  upper: [...letters('QWERTYUIOP'), 'BracketLeft', 'BracketRight'],
  home: [...letters('ASDFGHJKL'), 'Semicolon', 'Quote'],
  lower: [...letters('ZXCVBNM'), 'Comma', 'Period', 'Slash', 'IntlRo'],
};

/** The keys of a layout by the places (`KeyboardEvent.code`) of a machine's keyboard. */
export function byPlace(l: Layout): Map<string, [row: number, col: number]> {
  const map = new Map<string, [number, number]>();
  const put = (codes: string[], row: number, from: number): void => codes.forEach((code, i) => from + i < columns(l, row) && from + i >= 0 && map.set(code, [row, from + i]));
  const one = columnOfOne(l);
  put(['Backquote'], 0, one - 1);
  put(PLACES.digits, 0, one);
  put(PLACES.upper, 1, 0);
  put(PLACES.home, 2, 0);
  // the key beside Enter is the end of the upper row here, of the home row there
  if (columns(l, 1) > PLACES.upper.length) map.set('Backslash', [1, PLACES.upper.length]);
  else if (columns(l, 2) > PLACES.home.length) map.set('Backslash', [2, PLACES.home.length]);
  const z = hasKeyBeforeZ(l) ? 1 : 0;
  if (z) map.set('IntlBackslash', [3, 0]);
  put(PLACES.lower, 3, z);
  return map;
}

/** All columns of a row. */
function keysOf(l: Layout, row: number): number[] {
  return [...Array(columns(l, row)).keys()];
}

const isEmpty = (l: Layout, row: number, col: number): boolean => !l.default[row]?.[col] && !l.shift[row]?.[col];

/** As on a machine: four rows, each a little further to the right, and the space bar. */
export function wideBoard(l: Layout, alt: boolean): Board {
  const slots: Slot[] = [];
  const one = columnOfOne(l);
  const z = hasKeyBeforeZ(l) ? 1 : 0;
  const starts = [(1 - one) * Q, 1.5 * Q, 1.75 * Q, (2.25 - z) * Q];
  const ends = starts.map((s, row) => s + columns(l, row) * Q);
  const left = Math.min(0, starts[0]!);
  const width = Math.max(15 * Q, ends[0]! + 1.5 * Q, ends[1]!, ends[2]! + 1.25 * Q, ends[3]! + 1.25 * Q) - left;
  starts.forEach((s, row) => keysOf(l, row).forEach((col) => slots.push({ row, at: s - left + col * Q, span: Q, key: [row, col] })));
  // the last key of the upper row goes up to the edge where it is near
  const gap = width + left - ends[1]!;
  const last = slots.find((s) => s.key?.[0] === 1 && s.key[1] === columns(l, 1) - 1);
  if (last && gap <= Q) last.span += gap;
  const rest = (row: number, steer: Steer): number => slots.push({ row, at: ends[row]! - left, span: width - ends[row]! + left, steer });
  rest(0, 'delete');
  slots.push({ row: 1, at: 0, span: starts[1]! - left, steer: 'next' }, { row: 2, at: 0, span: starts[2]! - left, steer: 'lock' }, { row: 3, at: 0, span: starts[3]! - left, steer: 'shift' });
  rest(2, 'enter');
  rest(3, 'shift');
  const side = 4 * Q;
  slots.push({ row: 4, at: side, span: width - 2 * side, steer: 'space' });
  if (alt) slots.push({ row: 4, at: width - side, span: 1.5 * Q, steer: 'alt' });
  return { slots: slots.filter((s) => !s.key || !isEmpty(l, ...s.key)), width, rows: 5 };
}

/** The places of letters, for a narrow board: rows of at most as many as fit, the first one only where it is needed for letters. */
export function letterRows(l: Layout): [number, number][][] {
  const rows = [0, 1, 2, 3].map((row) => keysOf(l, row).filter((col) => isLetter(l.default[row]?.[col]) || isLetter(l.shift[row]?.[col])).map((col) => [row, col] as [number, number]));
  const [first, ...others] = rows as [[number, number][], ...[number, number][][]];
  if (first.length >= 5) return rows;
  // a few letters beside the digits find room at the ends of the other rows, if there is any
  const few = first.filter(([row, col]) => isLetter(l.default[row]?.[col]));
  const free = [13, 13, 10].map((most, i) => most - others[i]!.length);
  if (few.length > free.reduce((a, b) => a + b, 0)) return rows;
  for (const k of few) {
    const to = free.indexOf(Math.max(...free));
    others[to]!.push(k);
    free[to]!--;
  }
  return others;
}

/** What the board of letters does not show, in the order of the layout. */
export function signsOf(l: Layout): string[] {
  const has = new Set(letterRows(l).flat().map(([row, col]) => `${row} ${col}`));
  const onLetters = new Set<string>();
  const left: string[] = [];
  for (const level of ['default', 'shift'] as const)
    l[level].forEach((row, r) => row.forEach((k, c) => (has.has(`${r} ${c}`) ? onLetters.add(k) : k && left.push(k))));
  return [...new Set([...left, '@'])].filter((k) => !onLetters.has(k));
}

const firstOf = (l: Layout, wanted: string): string | undefined => [...wanted].find((w) => l.default.some((row) => row.includes(w)) || l.shift.some((row) => row.includes(w)));

interface Line {
  slots: Slot[];
  width: number;
}

function letterLines(l: Layout): Line {
  const lines = letterRows(l);
  const lower = lines[lines.length - 1]!.length * Q;
  const width = Math.max(10 * Q, lower + 3 * Q, ...lines.map((keys) => keys.length * Q));
  const slots = lines.flatMap((keys, row) => keys.map((key, i) => ({ row, at: Math.floor((width - keys.length * Q) / 2) + i * Q, span: Q, key })));
  const row = lines.length - 1;
  const side = Math.min(2 * Q, Math.floor((width - lower) / 2));
  return { width, slots: [...slots, { row, at: 0, span: side, steer: 'shift' }, { row, at: width - side, span: side, steer: 'delete' }] };
}

/** As many signs in each row, and Delete at the end of the last one. */
function signLines(l: Layout): Line {
  const signs = signsOf(l);
  const rows = Math.min(4, Math.max(3, Math.ceil((signs.length + 2) / 11)));
  const per = Math.max(10, Math.ceil((signs.length + 2) / rows));
  const slots: Slot[] = signs.map((sign, i) => ({ row: Math.floor(i / per), at: (i % per) * Q, span: Q, sign }));
  const hasRoom = signs.length % per <= per - 2;
  const row = Math.floor(signs.length / per) + (hasRoom ? 0 : 1);
  return { width: per * Q, slots: [...slots, { row, at: (per - 2) * Q, span: 2 * Q, steer: 'delete' }] };
}

/** For a narrow place: letters alone, or everything else; `alt` has a third level. */
export function narrowBoard(l: Layout, page: 'letters' | 'signs', alt: boolean): Board {
  const { slots, width } = page === 'letters' ? letterLines(l) : signLines(l);
  const row = Math.max(...slots.map((s) => s.row)) + 1;
  const [comma, stop] = [firstOf(l, '،၊、,'), firstOf(l, '۔।။。.')];
  const foot: (Partial<Slot> & { span: number })[] = [{ span: 1.5 * Q, steer: 'page' }, { span: Q, steer: 'next' }];
  if (alt) foot.push({ span: 1.25 * Q, steer: 'alt' });
  if (comma) foot.push({ span: Q, sign: comma });
  const end: typeof foot = [...(stop ? [{ span: Q, sign: stop }] : []), { span: 1.5 * Q, steer: 'enter' }];
  const taken = [...foot, ...end].reduce((n, s) => n + s.span, 0);
  let at = 0;
  for (const s of [...foot, { span: width - taken, steer: 'space' as const }, ...end]) {
    slots.push({ row, at, ...s });
    at += s.span;
  }
  return { slots: slots.filter((s) => !s.key || !isEmpty(l, ...s.key)), width, rows: row + 1 };
}
