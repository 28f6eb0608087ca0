// Search in one chat.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { chats, go, place } from '../state/app';
import { Icon } from '../ui/icon';
import { Round } from '../ui/parts';
import { searchChat, type Hit } from './search';
import { showMessage } from './timeline';

export function Find() {
  const c = chats.value!;
  const chat = place.value.chat!;
  const q = useSignal('');
  const hits = useSignal<Hit[]>([]);
  const at = useSignal(-1);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current!.focus(), []);
  useEffect(() => {
    let isOld = false;
    const timer = setTimeout(() => {
      void searchChat(c.engine, chat, q.value, 200).then((list) => {
        if (isOld) return;
        hits.value = list;
        at.value = -1;
        if (list.length) step(1);
      });
    }, 200);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [q.value]);
  const step = (by: number): void => {
    if (!hits.peek().length) return;
    at.value = (at.peek() + by + hits.peek().length) % hits.peek().length;
    void showMessage(c.timeline(chat), hits.peek()[at.peek()]!.key);
    document.querySelector<HTMLElement>('#find')?.focus();
  };
  const close = (): void => go({ chat });
  return (
    <div class="find" role="search">
      <label class="search grow">
        <Icon name="search" small />
        <span class="hidden">{t('findHere')}</span>
        <input
          id="find"
          type="search"
          placeholder={t('findHere')}
          value={q.value}
          ref={field}
          onInput={(e) => (q.value = e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Enter') step(e.shiftKey ? -1 : 1);
            else if (e.key === 'Escape') {
              e.stopPropagation();
              close();
            } else return;
            e.preventDefault();
          }}
        />
      </label>
      <span class="quiet-text" role="status">
        {q.value ? (hits.value.length ? t('viewer.place', { n: Math.max(1, at.value + 1), of: hits.value.length }) : t('search.none')) : ''}
      </span>
      <Round icon="chevron-down" label={t('find.older')} onClick={() => step(1)} />
      <Round icon="x" label={t('close')} onClick={close} />
    </div>
  );
}
