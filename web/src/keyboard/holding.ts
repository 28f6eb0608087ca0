// A pointer on the keys: a press writes when it ends or when the next finger comes, a long one offers more, Delete repeats.
import type { Slot } from './board';
import { deleteBack } from './typing';

const LONG_MS = 450;
const REPEAT_MS = 70;

interface Held {
  pointer: number;
  index: number;
  timer: number;
  isDone: boolean;
}

export interface Keyboard {
  slots(): Slot[];
  press(index: number): void;
  /** Offers the variants of a key; false when it has none. */
  openMore(index: number): boolean;
  closeMore(): void;
  pick(variant: string): void;
}

const variantAt = (e: PointerEvent): HTMLElement | null => document.elementFromPoint(e.clientX, e.clientY)?.closest<HTMLElement>('[data-variant]') ?? null;

export class Holding {
  /** The last thing that came was a pointer, not a key. */
  byPointer = false;
  #held: Held | null = null;
  #skipClick = false;

  constructor(readonly keyboard: Keyboard) {}

  down = (e: PointerEvent): void => {
    e.preventDefault(); // the text keeps the focus
    this.byPointer = true;
    this.#skipClick = false;
    if (this.#held) this.#finish(this.#held);
    this.#held = null;
    const index = (e.target as Element).closest<HTMLElement>('[data-index]')?.dataset['index'];
    if (e.button !== 0 || index === undefined) return;
    this.keyboard.closeMore();
    this.#skipClick = true;
    this.#hold({ pointer: e.pointerId, index: Number(index), timer: 0, isDone: false });
  };

  #hold(h: Held): void {
    this.#held = h;
    if (this.keyboard.slots()[h.index]?.steer === 'delete') {
      h.isDone = true;
      deleteBack();
      this.#wait(h, LONG_MS, () => this.#repeat(h));
    } else this.#wait(h, LONG_MS, () => (h.isDone = this.keyboard.openMore(h.index)));
  }

  #wait(h: Held, ms: number, then: () => void): void {
    h.timer = setTimeout(then, ms) as unknown as number;
  }

  #repeat(h: Held): void {
    deleteBack();
    this.#wait(h, REPEAT_MS, () => this.#repeat(h));
  }

  #finish(h: Held): void {
    clearTimeout(h.timer);
    if (!h.isDone) this.keyboard.press(h.index);
    h.isDone = true;
  }

  move = (e: PointerEvent): void => {
    if (this.#held?.pointer !== e.pointerId) return;
    const over = variantAt(e);
    for (const b of (e.currentTarget as Element).querySelectorAll('[data-variant]')) b.toggleAttribute('data-lit', b === over);
  };

  up = (e: PointerEvent): void => {
    const h = this.#held;
    if (!h || h.pointer !== e.pointerId) return;
    this.#held = null;
    clearTimeout(h.timer);
    const over = h.isDone && variantAt(e);
    if (over) this.keyboard.pick(over.dataset['variant']!);
    else if (e.type === 'pointerup') this.#finish(h);
  };

  /** Enter, the space bar or a reader of the screen; what a pointer did is done already. */
  click = (e: MouseEvent): void => {
    const index = (e.target as Element).closest<HTMLElement>('[data-index]')?.dataset['index'];
    if (this.#skipClick) this.#skipClick = false;
    else if (index !== undefined) this.keyboard.press(Number(index));
  };

  /** A key of the machine. */
  key = (): void => {
    this.byPointer = false;
    this.#skipClick = false;
  };

  get isHeld(): boolean {
    return this.#held !== null;
  }

  stop(): void {
    clearTimeout(this.#held?.timer);
    this.#held = null;
  }
}
