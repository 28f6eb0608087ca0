// The messages of a chat. The view goes where base/scroll.ts decides, and nowhere else.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { signal, useSignal } from '@preact/signals';
import { scrollFor, type Seen } from '../base/scroll';
import { plainName } from '../base/text';
import { dayName, listOf, number, t } from '../i18n';
import { chats } from '../state/app';
import type { Timeline } from '../state/timeline';
import { Hidden, Round } from '../ui/parts';
import { rove } from '../ui/roving';
import { messageFocus, messageKey, MessageRow } from './message';

const NEAR_PX = 15;

/** A message that the view shall go to, with its chat. */
export const wanted = signal<{ chat: string; key: string } | null>(null);

export async function showMessage(tl: Timeline, key: string): Promise<boolean> {
  if (!(await tl.toMessage(key))) return false;
  const found = tl.messages.has(key) ? key : [...tl.messages.values()].find((s) => s.peek().id === key)?.peek().key;
  wanted.value = found ? { chat: tl.key, key: found } : null;
  return !!found;
}

class Scroller {
  atBottom = true;
  seen: Seen | null = null;
  #anchor: { key: string; top: number } | null = null;
  #noted = 0; // where the view stood then

  constructor(
    readonly box: HTMLElement,
    readonly tl: Timeline,
  ) {}

  #rows(): HTMLElement[] {
    return [...this.box.querySelectorAll<HTMLElement>('[data-key]')];
  }

  /** Remembers what stands at the top of the view. */
  note(): void {
    const b = this.box;
    this.atBottom = b.scrollHeight - b.scrollTop - b.clientHeight <= NEAR_PX && this.tl.atEnd.peek();
    const top = b.getBoundingClientRect().top;
    const rows = this.#rows();
    let lo = 0;
    let hi = rows.length - 1;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (rows[mid]!.getBoundingClientRect().bottom > top) hi = mid;
      else lo = mid + 1;
    }
    const row = rows[lo];
    this.#anchor = row ? { key: row.dataset['key']!, top: row.getBoundingClientRect().top - top } : null;
    this.#noted = b.scrollTop;
  }

  toBottom(): void {
    this.box.scrollTop = this.box.scrollHeight;
    this.note();
  }

  to(el: Element, part: number): void {
    const top = el.getBoundingClientRect().top - this.box.getBoundingClientRect().top;
    this.box.scrollTop += top - this.box.clientHeight * part;
    this.note();
  }

  /** Puts what was at the top back where it was. */
  keep(): void {
    if (this.atBottom) return this.toBottom();
    if (!this.#anchor) return;
    const el = this.box.querySelector<HTMLElement>(`[data-key="${CSS.escape(this.#anchor.key)}"]`);
    if (!el) return this.note();
    // what was scrolled since, and not yet noted, stays scrolled
    const scrolled = this.box.scrollTop - this.#noted;
    const moved = el.getBoundingClientRect().top - this.box.getBoundingClientRect().top - (this.#anchor.top - scrolled);
    if (Math.abs(moved) >= 0.5) {
      this.box.scrollTop += moved;
      this.#noted += moved;
    }
    // never rest at the very top: what comes above it would push the view
    if (this.box.scrollTop < 3 && !this.tl.atStart.peek()) this.box.scrollTop = 3;
  }
}

export function TimelineView({ chat }: { chat: string }) {
  const c = chats.value!;
  const tl = c.timeline(chat);
  const box = useRef<HTMLDivElement>(null);
  const col = useRef<HTMLDivElement>(null);
  const scroller = useRef<Scroller | null>(null);
  const isAway = useSignal(false);
  const rows = tl.rows.value;
  const keys = tl.keys.value;
  const typing = c.typing.value.get(chat);

  const read = useRef(0);
  const readNow = (): void => {
    clearTimeout(read.current);
    const b = box.current;
    if (!b || document.visibilityState !== 'visible' || !document.hasFocus()) return;
    const bottom = b.getBoundingClientRect().bottom + 4;
    const shown = [...b.querySelectorAll<HTMLElement>('[data-key]')];
    for (let i = shown.length - 1; i >= 0; i--) {
      const r = shown[i]!.getBoundingClientRect();
      if (r.bottom > bottom && !(r.top < bottom - 80 && r.height > b.clientHeight)) continue;
      const m = tl.signalOf(shown[i]!.dataset['key']!)?.peek();
      if (m) void c.engine.markRead(chat, m);
      return;
    }
  };
  const markRead = (): void => {
    clearTimeout(read.current);
    read.current = setTimeout(readNow, 500) as unknown as number;
  };

  const load = (): void => {
    const b = box.current!;
    if (b.scrollTop < b.clientHeight * 1.5) void tl.older();
    if (b.scrollHeight - b.scrollTop - b.clientHeight < b.clientHeight * 1.5) void tl.newer();
  };

  useLayoutEffect(() => {
    const b = box.current!;
    const s = (scroller.current = new Scroller(b, tl));
    void tl.open();
    const onResize = new ResizeObserver(() => s.keep());
    onResize.observe(b);
    onResize.observe(col.current!);
    let frame = 0;
    const onScroll = (): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        s.note();
        isAway.value = !s.atBottom;
        if (s.atBottom) tl.below.value = 0;
        load();
        markRead();
      });
    };
    let onFocusTimer = 0;
    const onFocus = (): void => {
      clearTimeout(onFocusTimer);
      onFocusTimer = setTimeout(markRead, 1000) as unknown as number;
    };
    b.addEventListener('scroll', onScroll, { passive: true });
    window.addEventListener('focus', onFocus);
    document.addEventListener('visibilitychange', onFocus);
    return () => {
      onResize.disconnect();
      cancelAnimationFrame(frame);
      if (scroller.current?.seen) readNow();
      clearTimeout(read.current);
      b.removeEventListener('scroll', onScroll);
      window.removeEventListener('focus', onFocus);
      document.removeEventListener('visibilitychange', onFocus);
      tl.clearDivider();
      scroller.current = null;
    };
  }, [tl]);

  useLayoutEffect(() => {
    const s = scroller.current;
    if (!s || !tl.loaded.peek()) return;
    // the line of new messages is drawn a moment after a chat that was open before
    if (!s.seen && tl.divider.peek() && !box.current!.querySelector('.unread')) return;
    const after: Seen = { first: keys[0], last: keys[keys.length - 1], count: keys.length };
    const wish = wanted.peek();
    const own = tl.ownSend;
    tl.ownSend = false;
    if (wish?.chat === chat) {
      const el = box.current!.querySelector<HTMLElement>(`[data-key="${CSS.escape(wish.key)}"]`);
      if (el) {
        s.to(el, 0.33);
        el.classList.add('found');
        setTimeout(() => el.classList.remove('found'), 1600);
        el.querySelector<HTMLElement>('.bubble')?.focus({ preventScroll: true });
        wanted.value = null;
      }
    } else {
      const move = scrollFor({ before: s.seen, after, atBottom: s.atBottom, ownSend: own, hasDivider: !!tl.divider.peek(), atEnd: tl.atEnd.peek() });
      if (move === 'bottom') s.toBottom();
      else if (move === 'divider') {
        const el = box.current!.querySelector('.unread');
        if (el) s.to(el, 0.2);
        else s.toBottom();
      } else s.keep();
      if (s.seen && s.seen.last !== after.last && !s.atBottom && !own) {
        const from = keys.indexOf(s.seen.last ?? '');
        if (from >= 0) tl.below.value += keys.slice(from + 1).filter((k) => !tl.messages.get(k)!.peek().mine).length;
      }
    }
    s.seen = after;
    isAway.value = !s.atBottom;
    load();
    markRead();
  }, [keys, rows, wanted.value, tl.loaded.value]);

  const jump = (): void => {
    void tl.toEnd().then(() => requestAnimationFrame(() => scroller.current?.toBottom()));
  };

  return (
    <>
      <div class="time" ref={box} tabIndex={-1}>
        <div class="col" ref={col} role="log" aria-live="off" aria-label={t('messages')} onFocusCapture={messageFocus} onKeyDown={(e) => rove(e, '.bubble') || messageKey(e, tl)}>
          {!tl.loaded.value && <div class="skeleton" aria-busy="true" />}
          {tl.loaded.value && tl.atStart.value && (
            <p class="event start">{chat === 'self' ? t('start.self') : keys.length ? t('start') : chat.startsWith('grp_') ? t('start.group') : t('start.empty')}</p>
          )}
          {rows.map((r) =>
            r.t === 'day' ? (
              <span key={r.key} class="day">
                {dayName(r.at)}
              </span>
            ) : r.t === 'unread' ? (
              <div key={r.key} class="unread" role="separator">
                {t('newMessages', { n: r.count })}
              </div>
            ) : (
              <MessageRow key={r.key} tl={tl} id={r.key} first={r.first} last={r.last} />
            ),
          )}
          <div class="typing" aria-hidden={!typing}>
            {typing && (
              <>
                <span class="dots" aria-hidden="true">
                  <i />
                  <i />
                  <i />
                </span>
                {t('typing.some', { names: listOf(typing.map((a) => plainName(c.nameOf(a)))), n: typing.length })}
              </>
            )}
          </div>
        </div>
      </div>
      <div class="jump-place">
        {(isAway.value || tl.below.value > 0) && tl.loaded.value && (
          <span class="jump">
            <Round icon="arrow-down" label={tl.below.value ? t('newMessages', { n: tl.below.value }) : t('jump')} onClick={jump} />
            {tl.below.value > 0 && (
              <span class="badge" aria-hidden="true">
                {number(tl.below.value)}
              </span>
            )}
          </span>
        )}
      </div>
      <Hidden>{''}</Hidden>
    </>
  );
}
