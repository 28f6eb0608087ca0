// Where the keyboard is and how large: always within the window, whatever was wished or remembered.
import type { Memory } from './memory';

export interface View {
  width: number;
  height: number;
  /** Size of the text of the page, in px. */
  rem: number;
  isRtl: boolean;
}

export interface Place {
  isDocked: boolean;
  left: number;
  top: number;
  width: number;
  height: number;
  keyHeight: number;
}

const NARROW = 720;
const GAP = 8;
/** At its first place it leaves the line one writes in free, in rem. */
const ABOVE_COMPOSER = 5.75;
const AT_SIDE = 1.5;
const WIDTH = 40;
const MOST_WIDTH = 72;
const LEAST_WIDTH = 18;
const KEY = 2.75;
const LEAST_KEY = 24;
const MOST_KEY = 5;
/** The part of a narrow window that it takes at most. */
const DOCKED_SHARE = 0.6;
/** From this width on it shows all keys as a machine has them, in rem. */
export const WIDE_FROM = 35;

const within = (least: number, most: number, n: number): number => Math.max(least, Math.min(most, n));

export const isNarrow = (v: View): boolean => v.width < NARROW;

/** The width it has, before anybody knows how many rows there are. */
export function widthIn(m: Memory, v: View): number {
  if (isNarrow(v) && !m.isLifted) return v.width;
  const most = v.width - 2 * GAP;
  return within(Math.min(LEAST_WIDTH * v.rem, most), Math.min(MOST_WIDTH * v.rem, most), m.w ?? WIDTH * v.rem);
}

/** `rows` of keys; `rest` is the height of everything else in it, in px. */
export function placeIn(m: Memory, v: View, rows: number, rest: number): Place {
  const isDocked = isNarrow(v) && !m.isLifted;
  const width = widthIn(m, v);
  const room = isDocked ? v.height * DOCKED_SHARE : v.height - 2 * GAP;
  // a window lower than the keys at their least gets smaller keys: all of them stay in sight
  const fits = rows ? Math.floor((room - rest) / rows) : 0;
  const wish = within(LEAST_KEY, MOST_KEY * v.rem, m.keyHeight ?? KEY * v.rem);
  const keyHeight = Math.max(8, Math.min(wish, fits));
  const height = rest + rows * keyHeight;
  if (isDocked) return { isDocked, left: 0, top: v.height - height, width, height, keyHeight };
  const first = { x: v.isRtl ? AT_SIDE * v.rem : v.width - width - AT_SIDE * v.rem, y: v.height - height - ABOVE_COMPOSER * v.rem };
  const left = within(GAP, Math.max(GAP, v.width - width - GAP), m.x ?? first.x);
  const top = within(GAP, Math.max(GAP, v.height - height - GAP), m.y ?? first.y);
  return { isDocked, left, top, width, height, keyHeight };
}

/** What to remember after a move to `x`, `y`: in a narrow window it lies down again at the lower edge. */
export function movedTo(x: number, y: number, p: Place, v: View): Partial<Memory> {
  const lowest = v.height - p.height - GAP;
  const isLifted = isNarrow(v) && y < lowest - GAP;
  if (isNarrow(v) && !isLifted) return { isLifted: false };
  return { isLifted, x: within(GAP, Math.max(GAP, v.width - p.width - GAP), x), y: within(GAP, Math.max(GAP, lowest), y) };
}

/** What to remember after its lower right corner was moved by `dx`, `dy`. */
export function sizedBy(dx: number, dy: number, p: Place, v: View, rows: number): Partial<Memory> {
  const keyHeight = within(LEAST_KEY, MOST_KEY * v.rem, p.keyHeight + dy / Math.max(rows, 1));
  return { x: p.left, y: p.top, w: within(LEAST_WIDTH * v.rem, Math.min(MOST_WIDTH * v.rem, v.width - p.left - GAP), p.width + dx), keyHeight };
}
