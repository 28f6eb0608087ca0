// What this device remembers of its keyboard.
import { signal } from '@preact/signals';
import { language } from '../i18n';
import { keyboardFor, keyboards } from './list';

export interface Memory {
  /** The layout that was used last. */
  id?: string;
  /** Layouts to choose from without searching; none yet is those of the languages at hand. */
  offer?: string[];
  /** Where it was put and how large it was made, in px; nothing is where and as it comes. */
  x?: number;
  y?: number;
  w?: number;
  keyHeight?: number;
  /** In a narrow window: lifted from the lower edge. */
  isLifted?: boolean;
  /** The machine's own keys write what stands at their place here. */
  byPlace?: boolean;
}

const key = 'webchat.keyboard';

function read(): Memory {
  try {
    const m = JSON.parse(localStorage.getItem(key) ?? '{}') as Memory;
    if (m.id && !keyboards[m.id]) delete m.id;
    if (m.offer) m.offer = m.offer.filter((id) => keyboards[id]);
    return m;
  } catch {
    return {};
  }
}

export const memory = signal<Memory>(read());

export function remember(change: Partial<Memory>): void {
  memory.value = { ...memory.peek(), ...change };
  try {
    localStorage.setItem(key, JSON.stringify(memory.peek()));
  } catch {
    /* kept for this time only */
  }
}

/** The keyboards of the languages somebody reads, of the page's language and of the browser's, in this order; English where there is none. */
export function usual(reading: readonly string[] = []): string[] {
  const ids = [...reading, language.value, ...navigator.languages].map(keyboardFor).filter((id): id is string => !!id);
  return [...new Set(ids.length ? ids : ['english'])];
}

export function offered(reading?: readonly string[]): string[] {
  const own = memory.value.offer;
  return own?.length ? own : usual(reading);
}

export const chosen = (reading?: readonly string[]): string => memory.value.id ?? offered(reading)[0]!;
