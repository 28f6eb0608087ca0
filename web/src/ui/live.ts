// What screen readers are told: one polite line, of which only the newest counts.
import { signal } from '@preact/signals';

export const spoken = signal('');
let turn = false;

export function say(text: string): void {
  // the same words twice are two pieces of news
  turn = !turn;
  spoken.value = turn ? text : text + '\u200b';
}
