// What the composer of a chat is at: a reply, an edit.
import { signal } from '@preact/signals';
import type { Message } from '../base/model';

export const replying = signal<Message | null>(null);
export const editing = signal<Message | null>(null);
/** The keyboard on the screen is open; it is fetched when it is first wanted. */
export const keyboardOpen = signal(false);

export function startReply(m: Message): void {
  editing.value = null;
  replying.value = m;
  document.querySelector<HTMLTextAreaElement>('#compose')?.focus();
}

export function startEdit(m: Message): void {
  replying.value = null;
  editing.value = m;
  document.querySelector<HTMLTextAreaElement>('#compose')?.focus();
}

/** A voice note in the making; it lives beside the views, so leaving a chat keeps the take. */
export interface Take {
  chat: string;
  state: 'recording' | 'paused' | 'ready';
  startedAt: number;
  ms: number;
  level: number;
  peaks: number[];
  isSilent: boolean;
  blob?: Blob;
}

export const recorder = signal<Take | null>(null);
