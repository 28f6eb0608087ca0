// A list that comes from the relay page by page: waiting, nothing, trouble, more.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n';
import { Button } from '../ui/parts';
import { sentence } from './trouble';

export interface PagesOf<T> {
  /** null: nothing has come yet */
  list: T[] | null;
  error: string;
  busy: boolean;
  hasMore: boolean;
  /** From the start again. */
  load: () => Promise<void>;
  more: () => Promise<void>;
  change: (next: T[]) => void;
}

/** Fetches the first page at once, and again `ms` after `key` changed; what an older request brings late is dropped. */
export function usePagesOf<T>(fetch: (after?: string) => Promise<{ list: T[]; after?: string | undefined }>, key = '', ms = 250): PagesOf<T> {
  const list = useSignal<T[] | null>(null);
  const after = useSignal<string | undefined>(undefined);
  const error = useSignal('');
  const busy = useSignal(false);
  const asked = useSignal(0);
  const get = async (from?: string): Promise<void> => {
    const mine = asked.peek() + 1;
    asked.value = mine;
    busy.value = true;
    try {
      const page = await fetch(from);
      if (asked.peek() !== mine) return;
      list.value = from ? [...(list.peek() ?? []), ...page.list] : page.list;
      after.value = page.after;
      error.value = '';
    } catch (x) {
      if (asked.peek() === mine) error.value = sentence(x);
    }
    if (asked.peek() === mine) busy.value = false;
  };
  useEffect(() => {
    const timer = setTimeout(() => void get(), list.peek() ? ms : 0);
    return () => clearTimeout(timer);
  }, [key]);
  return { list: list.value, error: error.value, busy: busy.value, hasMore: !!after.value, load: () => get(), more: () => get(after.peek()), change: (next) => (list.value = next) };
}

/** The list with what stands around it; `empty` in place of one without an entry. */
export function Pages<T>({ of, empty, children }: { of: PagesOf<T>; empty?: ComponentChildren; children: (list: T[]) => ComponentChildren }) {
  return (
    <>
      {of.error && (
        <p class="notice bad" role="alert">
          <span class="grow">{of.error}</span>
          <button type="button" class="text-button" onClick={() => void of.load()}>
            {t('tryAgain')}
          </button>
        </p>
      )}
      {of.list === null && !of.error && <div class="skeleton rows-wait" aria-busy="true" />}
      {of.list && (of.list.length ? children(of.list) : empty)}
      {of.hasMore && (
        <p class="centre">
          <Button busy={of.busy} onClick={() => void of.more()}>
            {t('showMore')}
          </Button>
        </p>
      )}
    </>
  );
}
