// Choosing an emoji: recent ones, groups, search by English names (emojibase, MIT).
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import data from '../ui/emoji-data.json';
import { DialogHead, openDialog } from '../ui/dialog';
import { Icon } from '../ui/icon';

const recentKey = 'webchat.emoji';
const tabs = ['😀', '👋', '🐻', '🍔', '✈️', '⚽', '💡', '❤️', '🏁'];
const groups = (data as string[]).map((g) => g.split('\n').map((l) => l.split('\t') as [string, string]));
const PER_ROW = 8;

function recent(): string[] {
  try {
    return JSON.parse(localStorage.getItem(recentKey) ?? '[]') as string[];
  } catch {
    return [];
  }
}

function used(g: string): void {
  try {
    localStorage.setItem(recentKey, JSON.stringify([g, ...recent().filter((x) => x !== g)].slice(0, 24)));
  } catch {
    /* kept for this time only */
  }
}

export function EmojiPanel({ onPick, onClose }: { onPick?: (g: string) => void; onClose?: () => void }) {
  const group = useSignal(recent().length ? -1 : 0);
  const q = useSignal('');
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => panel.current?.querySelector<HTMLElement>('input')?.focus({ preventScroll: true }), []);
  const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const list = words.length ? groups.flat().filter(([, n]) => words.every((w) => n.includes(w))).slice(0, 160) : group.value < 0 ? recent().map((g) => [g, g] as [string, string]) : groups[group.value]!;
  const pick = (g: string): void => {
    used(g);
    onPick?.(g);
  };
  const onKey = (e: KeyboardEvent): void => {
    if (e.key === 'Escape') {
      e.preventDefault();
      e.stopPropagation();
      onClose?.();
      return;
    }
    const all = [...panel.current!.querySelectorAll<HTMLElement>('.emoji')];
    const now = all.indexOf(document.activeElement as HTMLElement);
    const isRtl = document.documentElement.dir === 'rtl';
    const by = e.key === 'ArrowRight' ? (isRtl ? -1 : 1) : e.key === 'ArrowLeft' ? (isRtl ? 1 : -1) : e.key === 'ArrowDown' ? (now < 0 ? 1 : PER_ROW) : e.key === 'ArrowUp' ? -PER_ROW : 0;
    if (!by || (now < 0 && e.key !== 'ArrowDown')) return;
    e.preventDefault();
    const next = now + by;
    if (next < 0) panel.current!.querySelector('input')!.focus();
    else all[Math.min(all.length - 1, next)]?.focus();
  };
  return (
    <div class="emoji-panel" ref={panel} role="group" aria-label={t('emoji')} onKeyDown={onKey}>
      <label class="search">
        <Icon name="search" small />
        <span class="hidden">{t('emoji.search')}</span>
        <input
          type="search"
          placeholder={t('emoji.search')}
          value={q.value}
          onInput={(e) => (q.value = e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === 'Enter' && list[0]) {
              e.preventDefault();
              pick(list[0][0]);
            }
          }}
        />
      </label>
      <div class="emoji-tabs" role="group" aria-label={t('emoji.groups')}>
        {recent().length > 0 && (
          <button type="button" aria-pressed={group.value === -1 && !words.length} aria-label={t('emoji.recent')} onClick={() => ((q.value = ''), (group.value = -1))}>
            <Icon name="clock" small />
          </button>
        )}
        {groups.map((_, i) => (
          <button key={i} type="button" aria-pressed={group.value === i && !words.length} aria-label={t('emoji.group', { n: i + 1 })} onClick={() => ((q.value = ''), (group.value = i))}>
            {tabs[i]}
          </button>
        ))}
      </div>
      <div class="emoji-grid">
        {list.map(([g, n], i) => (
          <button key={g} type="button" class="emoji" title={n} aria-label={n || g} tabIndex={i ? -1 : 0} onClick={() => pick(g)}>
            {g}
          </button>
        ))}
        {list.length === 0 && <p class="quiet-text">{t('search.none')}</p>}
      </div>
    </div>
  );
}

export const pickEmoji = (): Promise<string | undefined> =>
  openDialog<string>((close) => (
    <>
      <DialogHead title={t('react')} onClose={() => close()} closeLabel={t('close')} />
      <EmojiPanel onPick={(g) => close(g)} onClose={() => close()} />
    </>
  ));
