// The text field that the keys write into, and how they do: as somebody who types, so that drafts, limits and undoing work as ever.
import type { Edit } from './typist';

export type TextField = HTMLTextAreaElement | HTMLInputElement;

const KINDS = ['text', 'search', 'url', 'tel'];

export function isTextField(el: EventTarget | null): el is TextField {
  if (el instanceof HTMLTextAreaElement) return !el.readOnly && !el.disabled;
  return el instanceof HTMLInputElement && KINDS.includes(el.type) && !el.readOnly && !el.disabled;
}

/** Puts a text in the place of what is selected, `cut` units before the caret included. */
export function apply(el: TextField, { cut, text }: Edit): void {
  const end = el.selectionEnd ?? el.value.length;
  const start = el.selectionStart ?? end;
  const from = start === end ? Math.max(0, start - cut) : start;
  if (!text && from === end) return;
  if (document.activeElement === el) {
    el.setSelectionRange(from, end);
    if (text ? document.execCommand('insertText', false, text) : document.execCommand('delete')) return;
  }
  const room = el.maxLength < 0 ? Infinity : el.maxLength - el.value.length + end - from;
  el.setRangeText(text.slice(0, Math.max(0, room)), from, end, 'end');
  el.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: text ? 'insertText' : 'deleteContentBackward', data: text || null }));
}

/** The key Enter, as the field has it: sends, searches, or begins a new line. */
export function enter(el: TextField, shiftKey: boolean): void {
  const key = { key: 'Enter', code: 'Enter', bubbles: true, cancelable: true, shiftKey };
  const isFree = el.dispatchEvent(new KeyboardEvent('keydown', key));
  el.dispatchEvent(new KeyboardEvent('keyup', key));
  if (!isFree) return;
  if (el instanceof HTMLTextAreaElement) apply(el, { cut: 0, text: '\n' });
  else el.form?.requestSubmit();
}
