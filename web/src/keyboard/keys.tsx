// The keys: buttons of our own, for mouse, fingers, arrow keys and readers of the screen alike.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { Icon } from '../ui/icon';
import { byPlace, written, type Board, type Slot, type Steer } from './board';
import { face, iconOf, isPressed, nameOfKey, wordsOf } from './faces';
import { Holding } from './holding';
import { variantsOf } from './levels';
import { codeOf } from './list';
import { lit } from './machine';
import { charOf, layout, press, waiting, write } from './typing';

const codes: Partial<Record<Steer, string[]>> = { delete: ['Backspace'], enter: ['Enter', 'NumpadEnter'], space: ['Space'], alt: ['AltRight'], lock: ['CapsLock'] };

/** From this width on, in quarters of a key, letters are a little smaller in a narrow window. */
const TIGHT = 44;

const isThere = (s: Slot): boolean => !!s.steer || charOf(s) !== '';

/** The nearest key in a direction: what an arrow goes to. */
function neighbour(slots: Slot[], from: number, key: string): number {
  const now = slots[from]!;
  const middle = (s: Slot): number => s.at + s.span / 2;
  const inRow = (row: number): number[] => slots.map((_, i) => i).filter((i) => slots[i]!.row === row && (i === from || isThere(slots[i]!))).sort((a, b) => slots[a]!.at - slots[b]!.at);
  const same = inRow(now.row);
  const at = same.indexOf(from);
  if (key === 'ArrowLeft') return same[at - 1] ?? from;
  if (key === 'ArrowRight') return same[at + 1] ?? from;
  if (key === 'Home') return same[0]!;
  if (key === 'End') return same[same.length - 1]!;
  const far = (i: number): number => Math.abs(middle(slots[i]!) - middle(now));
  return inRow(now.row + (key === 'ArrowUp' ? -1 : 1)).sort((a, b) => far(a) - far(b))[0] ?? from;
}

interface More {
  index: number;
  list: string[];
  byKeys: boolean;
}

function Variants({ more, board, onPick, onClose }: { more: More; board: Board; onPick: (s: string) => void; onClose: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const slot = board.slots[more.index]!;
  useLayoutEffect(() => {
    const el = box.current!;
    const keys = el.parentElement!;
    const key = keys.querySelectorAll<HTMLElement>('[data-slot]')[more.index]!;
    const left = key.offsetLeft + (key.offsetWidth - el.offsetWidth) / 2;
    el.style.left = `${Math.max(0, Math.min(keys.clientWidth - el.offsetWidth, left))}px`;
    el.style.top = `${key.offsetTop - el.offsetHeight}px`;
    if (more.byKeys) el.querySelector('button')!.focus();
    const outside = (e: Event): void => {
      if (!keys.contains(e.target as Node)) onClose();
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [more]);
  const onKey = (e: KeyboardEvent): void => {
    const all = [...box.current!.querySelectorAll('button')];
    const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    if (by) all[all.indexOf(document.activeElement as HTMLButtonElement) + by]?.focus();
    else if (e.key === 'Escape') onClose();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="kb-more" ref={box} role="group" aria-label={t('kb.variants', { key: face(charOf(slot)) })} onKeyDown={onKey}>
      {more.list.map((v) => (
        <button key={v} type="button" class="kb-key" data-variant={v} aria-label={face(v)} onClick={() => onPick(v)}>
          <span class="kb-cap">{face(v)}</span>
        </button>
      ))}
    </div>
  );
}

function KeyButton({ slot, index, isFirst, isLit, onFocus }: { slot: Slot; index: number; isFirst: boolean; isLit: boolean; onFocus: () => void }) {
  const place = { gridRow: slot.row + 1, gridColumn: `${slot.at + 1} / span ${slot.span}` };
  if (!isThere(slot)) return <span class="kb-key none" data-slot style={place} />;
  const name = nameOfKey(slot);
  const icon = iconOf(slot);
  const char = slot.steer ? '' : charOf(slot);
  return (
    <button
      type="button"
      class={`kb-key${slot.steer ? ` steer ${slot.steer}` : name.length > 4 ? ' word' : name.length > 2 ? ' long' : ''}`}
      style={place}
      data-slot
      data-index={index}
      data-lit={isLit || undefined}
      data-waits={(char && char === waiting.value) || undefined}
      tabIndex={isFirst ? 0 : -1}
      aria-label={name}
      aria-pressed={isPressed(slot)}
      onFocus={onFocus}
    >
      <span class="kb-cap">{icon ? <Icon name={icon} small={slot.steer === 'next'} /> : wordsOf(slot)}</span>
    </button>
  );
}

export function Keys({ board, onNext }: { board: Board; onNext: () => void }) {
  const at = useSignal(0);
  const more = useSignal<More | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const l = layout.value!;
  const code = codeOf(l.id);
  const { slots } = board;
  const active = isThere(slots[at.value] ?? slots[0]!) ? Math.min(at.value, slots.length - 1) : slots.findIndex(isThere);
  const shining = useComputed(() => {
    const map = byPlace(layout.value!);
    return new Set([...lit.value].map((c) => map.get(c)?.join(' ')));
  });
  const button = (i: number): HTMLElement | undefined => place.current?.querySelectorAll<HTMLElement>('[data-slot]')[i];

  const openMore = (index: number, byKeys = false): boolean => {
    const s = slots[index]!;
    const char = charOf(s);
    const levels = s.key ? (['default', 'shift', 'alt'] as const).map((x) => written(l, x, s.key!, code)) : [];
    const list = char ? variantsOf(l.id, code, char, levels) : [];
    if (list.length) more.value = { index, list, byKeys };
    return list.length > 0;
  };
  const closeMore = (): void => {
    const m = more.peek();
    more.value = null;
    if (m?.byKeys) button(m.index)?.focus();
  };
  const pick = (v: string): void => {
    write(v);
    closeMore();
  };
  const holding = useRef<Holding | null>(null);
  const latest = useRef({ slots, openMore, pick, onNext });
  latest.current = { slots, openMore, pick, onNext };
  const h = (holding.current ??= new Holding({
    slots: () => latest.current.slots,
    press: (i) => press(latest.current.slots[i]!, latest.current.onNext),
    openMore: (i) => latest.current.openMore(i),
    closeMore: () => (more.value = null),
    pick: (v) => latest.current.pick(v),
  }));
  useEffect(() => () => h.stop(), []);

  const onKey = (e: KeyboardEvent): void => {
    h.key();
    if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(e.key) || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    at.value = neighbour(slots, active, e.key);
    button(at.value)?.focus();
  };
  const onMenu = (e: MouseEvent): void => {
    e.preventDefault();
    const index = (e.target as Element).closest<HTMLElement>('[data-index]')?.dataset['index'];
    if (index !== undefined && !h.isHeld) openMore(Number(index), !h.byPointer);
  };
  const isLit = (s: Slot): boolean => (s.steer ? !!codes[s.steer]?.some((c) => lit.value.has(c)) : !!s.key && shining.value.has(s.key.join(' ')));
  return (
    <div
      class={`kb-keys${board.width > TIGHT ? ' tight' : ''}`}
      ref={place}
      dir="ltr"
      lang={code}
      style={{ gridTemplateColumns: `repeat(${board.width}, minmax(0, 1fr))` }}
      onPointerDown={h.down}
      onPointerMove={h.move}
      onPointerUp={h.up}
      onPointerCancel={h.up}
      onMouseDown={(e) => e.preventDefault()}
      onClick={h.click}
      onKeyDown={onKey}
      onContextMenu={onMenu}
    >
      {slots.map((s, i) => (
        <KeyButton key={`${s.row} ${s.at}`} slot={s} index={i} isFirst={i === active} isLit={isLit(s)} onFocus={() => (at.value = i)} />
      ))}
      {more.value && <Variants more={more.value} board={board} onPick={pick} onClose={closeMore} />}
    </div>
  );
}
