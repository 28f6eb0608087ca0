// The keyboard at work: shift and its kin, which field it writes into, what a press does.
import { computed, signal } from '@preact/signals';
import { written, type Layout, type Level, type Slot, type Steer } from './board';
import { apply, enter, isTextField, type TextField } from './field';
import { isDead } from './levels';
import { codeOf } from './list';
import { Typist } from './typist';

const DOUBLE_MS = 400;

export const layout = signal<Layout | null>(null);
export const shift = signal<'off' | 'once' | 'lock'>('off');
export const alt = signal(false);
/** What is held down on the machine's own keyboard. */
export const held = signal<{ shift: boolean; alt: boolean }>({ shift: false, alt: false });
export const page = signal<'letters' | 'signs'>('letters');
/** The dead key that waits. */
export const waiting = signal('');

export const level = computed<Level>(() => {
  const isShift = (shift.value !== 'off') !== held.value.shift;
  return alt.value || held.value.alt ? (isShift ? 'shift-alt' : 'alt') : isShift ? 'shift' : 'default';
});

const typist = new Typist();
let field: TextField | null = null;
/** How the field was after the last press: if it is otherwise now, somebody else wrote or the caret moved. */
let after: { el: TextField; value: string; caret: number | null } | null = null;
let shiftedAt = 0;

/** The field to write into: the one that had the focus last, else the composer. */
export function target(): TextField | null {
  if (!field?.isConnected || !isTextField(field)) field = document.querySelector<HTMLTextAreaElement>('#compose');
  return field;
}

export function takeField(el: EventTarget | null): void {
  if (isTextField(el)) field = el;
}

export function letGo(): void {
  field = null;
  after = null;
  shift.value = 'off';
  alt.value = false;
  held.value = { shift: false, alt: false };
  page.value = 'letters';
  typist.reset();
  waiting.value = '';
}

export function charOf(slot: Slot, at: Level = level.value): string {
  if (slot.sign !== undefined) return slot.sign;
  const l = layout.value;
  return l && slot.key ? written(l, at, slot.key, codeOf(l.id)) : '';
}

/** Brings the machine and the field together, and does one thing. */
function within(el: TextField, act: (before: string) => void): void {
  const caret = el.selectionStart;
  const isSame = after?.el === el && after.value === el.value && after.caret === caret && caret === el.selectionEnd;
  if (!isSame) {
    const dead = after?.el === el && after.value === el.value ? typist.dead : '';
    typist.reset();
    // a dead key has written nothing: it waits on where the caret is now
    typist.dead = dead;
  }
  act(el.value.slice(0, caret ?? undefined));
  after = { el, value: el.value, caret: el.selectionStart };
  waiting.value = typist.dead;
  if (typist.dead) page.value = 'letters'; // what it waits for is there
}

function spent(): void {
  if (shift.peek() === 'once') shift.value = 'off';
  alt.value = false;
}

/** Writes what stands on a key. */
export function write(text: string): void {
  const el = target();
  if (!el || !text) return;
  within(el, (before) => apply(el, typist.press(before, text, isDead(layout.peek()?.id ?? '', text))));
  spent();
}

export function deleteBack(): void {
  const el = target();
  if (!el) return;
  within(el, (before) => {
    const isSelected = el.selectionStart !== el.selectionEnd;
    if (isSelected) typist.reset();
    const edit = isSelected ? { cut: 0, text: '' } : typist.back(before);
    apply(el, edit);
  });
}

/** A syllable or an accent is in the making: deleting belongs to the keyboard, not to the field. */
export function isMaking(el: EventTarget | null): boolean {
  return !!typist.dead || (typist.isComposing && after?.el === el && after?.value === after?.el.value && after?.caret === after?.el.selectionStart);
}

function turnShift(): void {
  const now = performance.now();
  const isDouble = now - shiftedAt < DOUBLE_MS;
  shiftedAt = now;
  shift.value = shift.peek() === 'off' ? 'once' : shift.peek() === 'once' && isDouble ? 'lock' : 'off';
}

const steer: Record<Exclude<Steer, 'next'>, () => void> = {
  shift: turnShift,
  lock: () => (shift.value = shift.peek() === 'lock' ? 'off' : 'lock'),
  delete: deleteBack,
  enter: () => {
    const el = target();
    if (el) enter(el, shift.peek() !== 'off');
    spent();
  },
  space: () => write(' '),
  alt: () => (alt.value = !alt.peek()),
  page: () => (page.value = page.peek() === 'letters' ? 'signs' : 'letters'),
};

/** A key is pressed; `next` goes to another keyboard. */
export function press(slot: Slot, next: () => void): void {
  if (slot.steer === 'next') next();
  else if (slot.steer) steer[slot.steer]();
  else write(charOf(slot));
}
