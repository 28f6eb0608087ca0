// The keyboard over the talk: floats from 720 px on, lies at the lower edge below that. It is moved and resized by mouse, finger and arrow keys.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { dialogs } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { menu } from '../ui/menu';
import { Button, Round } from '../ui/parts';
import { narrowBoard, wideBoard, type Board } from './board';
import { chooseKeyboard } from './choose';
import { isTextField } from './field';
import { Keys } from './keys';
import { hasAlt } from './levels';
import { nameOf, needsSystem } from './list';
import { loadLayout } from './load';
import { listenToMachine } from './machine';
import { chosen, memory, offered, remember } from './memory';
import { movedTo, placeIn, sizedBy, WIDE_FROM, widthIn, type Place, type View } from './place';
import { layout, letGo, page, takeField, target } from './typing';

const STEP = 16;
const BIG_STEP = 64;

function viewNow(): View {
  const root = document.documentElement;
  return { width: root.clientWidth, height: window.innerHeight, rem: parseFloat(getComputedStyle(root).fontSize), isRtl: root.dir === 'rtl' };
}

/** By which way an arrow goes; null for every other key. */
function arrow(e: KeyboardEvent): [number, number] | null {
  const by = e.shiftKey ? BIG_STEP : STEP;
  const ways: Record<string, [number, number]> = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
  return (!e.ctrlKey && !e.metaKey && !e.altKey && ways[e.key]) || null;
}

/** Follows a pointer from where it goes down; `during` gets how far it came. */
function follow(e: PointerEvent, during: (dx: number, dy: number) => void): void {
  e.preventDefault();
  if (e.button !== 0) return;
  const el = e.currentTarget as HTMLElement;
  el.setPointerCapture(e.pointerId);
  const move = (m: PointerEvent): void => during(m.clientX - e.clientX, m.clientY - e.clientY);
  const end = (): void => {
    el.removeEventListener('pointermove', move);
    el.removeEventListener('pointerup', end);
    el.removeEventListener('pointercancel', end);
  };
  el.addEventListener('pointermove', move);
  el.addEventListener('pointerup', end);
  el.addEventListener('pointercancel', end);
}

const keepFocus = (e: Event): void => e.preventDefault();

/** The field has the focus, and a telephone does not bring its own keys as well. */
function useField(): void {
  useEffect(() => {
    const quiet = new Set<HTMLElement>();
    const hush = (el: EventTarget | null): void => {
      takeField(el);
      if (!isTextField(el) || el.inputMode) return;
      el.inputMode = 'none';
      quiet.add(el);
    };
    const onFocus = (e: FocusEvent): void => hush(e.target);
    document.addEventListener('focusin', onFocus);
    takeField(document.activeElement);
    const el = target();
    hush(el);
    el?.focus({ preventScroll: true });
    return () => {
      document.removeEventListener('focusin', onFocus);
      for (const q of quiet) q.inputMode = '';
    };
  }, []);
}

function boardOf(width: number, v: View): Board | null {
  const l = layout.value;
  if (!l) return null;
  if (width >= WIDE_FROM * v.rem) return wideBoard(l, hasAlt(l.id));
  return narrowBoard(l, page.value, hasAlt(l.id));
}

export function Panel({ reading, onClose }: { reading?: readonly string[]; onClose: () => void }) {
  const box = useRef<HTMLElement>(null);
  const view = useSignal(viewNow());
  /** The height of everything that is not keys. */
  const rest = useSignal(0);
  const isFolded = useSignal(false);
  const failed = useSignal(0);
  const id = chosen(reading);
  const m = memory.value;
  const v = view.value;

  useField();
  useEffect(listenToMachine, []);
  useEffect(() => letGo, []);
  useEffect(() => {
    let isThere = true;
    loadLayout(id).then(
      (l) => isThere && (layout.value = l),
      () => isThere && failed.value++,
    );
    return () => {
      isThere = false;
    };
  }, [id, failed.value > 0 ? undefined : 0]);
  useEffect(() => {
    const look = (): void => {
      view.value = viewNow();
    };
    // the window, and the head of the keyboard itself, which grows with the text of the page
    const seen = new ResizeObserver(look);
    seen.observe(document.documentElement);
    seen.observe(box.current!);
    return () => seen.disconnect();
  }, []);

  const close = (): void => {
    const el = target();
    const isOurs = !!box.current?.contains(document.activeElement) || document.activeElement === document.body;
    onClose();
    if (isOurs) el?.focus({ preventScroll: true });
  };
  useEffect(() => {
    const onKey = (e: KeyboardEvent): void => {
      if (e.key !== 'Escape' || e.defaultPrevented || e.isComposing || menu.peek() || dialogs.peek().length) return;
      e.preventDefault();
      close();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  const board = isFolded.value || layout.value?.id !== id ? null : boardOf(widthIn(m, v), v);
  const p: Place = placeIn(m, v, board?.rows ?? 0, rest.value);
  useLayoutEffect(() => {
    const el = box.current!;
    const keys = el.querySelector<HTMLElement>('.kb-keys');
    const now = el.offsetHeight - (keys?.offsetHeight ?? 0);
    if (now !== rest.peek()) rest.value = now;
  });

  const next = (): void => {
    const all = offered(reading);
    if (all.length < 2) return void choose();
    remember({ id: all[(all.indexOf(id) + 1) % all.length]! });
    page.value = 'letters';
  };
  const choose = async (): Promise<void> => {
    const picked = await chooseKeyboard(reading);
    if (!picked) return;
    const all = offered(reading);
    page.value = 'letters';
    remember({ id: picked, offer: all.includes(picked) ? memory.peek().offer : [...all, picked] });
  };
  const move = (dx: number, dy: number, from: Place): void => remember(movedTo(from.left + dx, from.top + dy, from, v));
  const size = (dx: number, dy: number, from: Place): void => remember(sizedBy(dx, dy, from, v, board?.rows ?? 0));
  const byArrow = (act: typeof move) => (e: KeyboardEvent): void => {
    const way = arrow(e);
    if (!way) return;
    e.preventDefault();
    e.stopPropagation();
    act(...way, p);
  };
  const dragHead = (e: PointerEvent): void => {
    if (!(e.target as Element).closest('button:not(.kb-move)')) follow(e, (dx, dy) => move(dx, dy, p));
  };

  const style = p.isDocked ? { '--kb-key': `${p.keyHeight}px` } : { '--kb-key': `${p.keyHeight}px`, left: `${p.left}px`, top: `${p.top}px`, width: `${p.width}px` };
  const isWide = p.width >= WIDE_FROM * v.rem;
  const name = nameOf(id);
  return (
    <section ref={box} class={`kb${isWide ? ' wide' : ''}`} role="group" aria-label={t('kb.title', { name })} data-docked={p.isDocked || undefined} data-layout={board ? id : undefined} style={style} onMouseDown={keepFocus}>
      <div class="kb-head" onPointerDown={dragHead}>
        <button type="button" class="round kb-move" aria-label={t('kb.move')} title={t('kb.move')} onKeyDown={byArrow(move)}>
          <Icon name="move" small />
        </button>
        <button type="button" class="kb-lang" aria-haspopup="dialog" aria-label={`${name}, ${t('kb.choose')}`} onClick={() => void choose()}>
          <Icon name="globe" small />
          <span class="one">{name}</span>
          <Icon name="chevron-down" small />
        </button>
        <span class="kb-tip grow one">{isWide && t(m.byPlace ? 'kb.tipOn' : 'kb.tip', { name })}</span>
        <Round icon="keyboard" label={t('kb.byPlace')} aria-pressed={!!m.byPlace} onClick={() => remember({ byPlace: !m.byPlace })} />
        <Round icon={isFolded.value ? 'chevron-up' : 'minus'} label={t(isFolded.value ? 'kb.unfold' : 'kb.fold')} aria-expanded={!isFolded.value} onClick={() => (isFolded.value = !isFolded.value)} />
        <Round icon="x" label={t('close')} onClick={close} />
      </div>
      {!isFolded.value && needsSystem(id) && <p class="kb-note">{t(id === 'chinese' ? 'kb.chinese' : 'kb.japanese')}</p>}
      {failed.value > 0 && layout.value?.id !== id && (
        <p class="kb-note" role="alert">
          {t('kb.failed')} <Button onClick={() => (failed.value = 0)}>{t('tryAgain')}</Button>
        </p>
      )}
      {board && <Keys board={board} onNext={next} />}
      {!p.isDocked && !isFolded.value && (
        <button type="button" class="kb-size" aria-label={t('kb.size')} title={t('kb.size')} onPointerDown={(e) => follow(e, (dx, dy) => size(dx, dy, p))} onKeyDown={byArrow(size)}>
          <Icon name="move-diagonal-2" small />
        </button>
      )}
    </section>
  );
}
