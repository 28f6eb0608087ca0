import { signal } from '@preact/signals';

export interface Toast {
  id: number;
  text: string;
  bad?: boolean;
  action?: { label: string; run: () => void };
}

export const toasts = signal<Toast[]>([]);
let last = 0;

export function toast(text: string, more: Omit<Toast, 'id' | 'text'> = {}): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-2), { id, text, ...more }];
  setTimeout(() => dropToast(id), more.action ? 10_000 : 5000);
}

export function dropToast(id: number): void {
  toasts.value = toasts.value.filter((x) => x.id !== id);
}
