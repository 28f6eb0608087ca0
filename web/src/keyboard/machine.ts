// The machine's own keys: they light up at their place, and write what stands there where that is wished.
import { signal } from '@preact/signals';
import { byPlace, written } from './board';
import { isTextField } from './field';
import { codeOf } from './list';
import { memory } from './memory';
import { deleteBack, held, isMaking, layout, level, takeField, write } from './typing';

/** Codes of the keys that are down. */
export const lit = signal<ReadonlySet<string>>(new Set());

function light(code: string, isDown: boolean): void {
  if (lit.peek().has(code) === isDown) return;
  const now = new Set(lit.peek());
  if (isDown) now.add(code);
  else now.delete(code);
  lit.value = now;
}

const isAltGraph = (e: KeyboardEvent): boolean => e.getModifierState('AltGraph');
// AltGr may come as Ctrl with Alt; any other of them is a shortcut, and not ours
const isShortcut = (e: KeyboardEvent): boolean => e.metaKey || ((e.ctrlKey || e.altKey) && !isAltGraph(e));

function holds(e: KeyboardEvent): void {
  const now = { shift: e.shiftKey, alt: isAltGraph(e) };
  if (now.shift !== held.peek().shift || now.alt !== held.peek().alt) held.value = now;
}

/** What a key of the machine writes here; undefined leaves it to the machine. */
function ownText(e: KeyboardEvent): string | undefined {
  const l = layout.peek();
  if (!l) return undefined;
  if (e.code === 'Space') return isMaking(e.target) ? ' ' : undefined;
  const at = byPlace(l).get(e.code);
  if (!at) return undefined;
  const [low, high] = [written(l, 'default', at), written(l, 'shift', at)];
  const isLocked = e.getModifierState('CapsLock') && low !== high && low.toLocaleUpperCase(codeOf(l.id)) === high;
  const now = level.peek();
  if (isLocked && (now === 'default' || now === 'shift')) return now === 'shift' ? low : high;
  return written(l, now, at, codeOf(l.id)) || undefined;
}

function down(e: KeyboardEvent): void {
  if (!e.isTrusted) return;
  holds(e);
  if (e.isComposing || e.keyCode === 229) return;
  light(e.code, true);
  if (isShortcut(e) || !memory.peek().byPlace || !isTextField(e.target)) return;
  takeField(e.target);
  if (e.code === 'Backspace' && isMaking(e.target)) deleteBack();
  else {
    const text = ownText(e);
    if (text === undefined) return;
    write(text);
  }
  e.preventDefault();
}

function up(e: KeyboardEvent): void {
  if (!e.isTrusted) return;
  holds(e);
  light(e.code, false);
  // where a Meta key is down, the others do not tell when they go up
  if (e.key === 'Meta') dark();
}

function dark(): void {
  lit.value = new Set();
  held.value = { shift: false, alt: false };
}

export function listenToMachine(): () => void {
  document.addEventListener('keydown', down, true);
  document.addEventListener('keyup', up, true);
  window.addEventListener('blur', dark);
  return () => {
    document.removeEventListener('keydown', down, true);
    document.removeEventListener('keyup', up, true);
    window.removeEventListener('blur', dark);
    dark();
  };
}
