// One menu for all: opened by right click, long press, Shift+F10, the menu key and buttons; arrows walk in it.
import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { VNode } from 'preact';
import { Icon, type IconName } from './icon';
import { swallowTap } from './tap';

export interface MenuItem {
  label: string;
  icon?: IconName;
  run?: () => void;
  keys?: string;
  bad?: boolean;
  checked?: boolean;
  disabled?: boolean;
  line?: boolean;
}

interface Open {
  anchor: HTMLElement | { x: number; y: number };
  items: MenuItem[];
  label: string;
  head?: (close: () => void) => VNode;
  before: HTMLElement | null;
}

export const menu = signal<Open | null>(null);

/** `head` stands above the items: a row of reactions, say. */
export function openMenu(anchor: HTMLElement | { x: number; y: number }, label: string, items: MenuItem[], head?: Open['head']): void {
  menu.value = { anchor, items, label, head, before: menu.peek()?.before ?? (document.activeElement as HTMLElement | null) };
}

export function closeMenu(): void {
  const m = menu.value;
  menu.value = null;
  if (m?.before?.isConnected) m.before.focus();
}

async function place(el: HTMLElement, anchor: Open['anchor']): Promise<void> {
  const { computePosition, flip, shift, offset } = await import('@floating-ui/dom');
  const virtual = anchor instanceof HTMLElement ? anchor : { getBoundingClientRect: () => new DOMRect(anchor.x, anchor.y, 0, 0) };
  // under the end of a button; where one pointed, from there on
  const placement = anchor instanceof HTMLElement ? 'bottom-end' : 'bottom-start';
  const middleware = [offset(4), flip({ padding: 8, crossAxis: false }), shift({ padding: 8, crossAxis: true })];
  const { x, y } = await computePosition(virtual, el, { placement, strategy: 'fixed', middleware });
  el.style.left = `${x}px`;
  el.style.top = `${y}px`;
  el.dataset['placed'] = '';
}

function step(el: HTMLElement, by: number | 'first' | 'last'): void {
  const items = [...el.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([aria-disabled])')];
  const now = items.indexOf(document.activeElement as HTMLElement);
  const next = by === 'first' ? 0 : by === 'last' ? items.length - 1 : (now + by + items.length) % items.length;
  items[next]?.focus();
}

function MenuShown({ open }: { open: Open }) {
  const ref = useRef<HTMLDivElement>(null);
  const isSheet = matchMedia('(max-width: 719px)').matches;
  useLayoutEffect(() => {
    const el = ref.current!;
    el.showPopover?.();
    if (isSheet) el.dataset['placed'] = '';
    else void place(el, open.anchor);
    step(el, 'first');
  }, [open]);
  useEffect(() => {
    const onDown = (e: Event): void => {
      if (ref.current?.contains(e.target as Node)) return;
      closeMenu();
      swallowTap();
    };
    const width = innerWidth;
    const onResize = (): void => {
      // the keys of a telephone go as the menu takes the focus from a field, and the window becomes higher
      if (innerWidth !== width) closeMenu();
      else if (!isSheet) void place(ref.current!, open.anchor);
    };
    document.addEventListener('pointerdown', onDown, true);
    window.addEventListener('resize', onResize);
    return () => {
      document.removeEventListener('pointerdown', onDown, true);
      window.removeEventListener('resize', onResize);
    };
  }, [open]);
  const onKey = (e: KeyboardEvent): void => {
    const moves: Record<string, number | 'first' | 'last'> = { ArrowDown: 1, ArrowUp: -1, Home: 'first', End: 'last' };
    if (e.key in moves) step(ref.current!, moves[e.key]!);
    else if (e.key === 'Escape') closeMenu();
    else if (e.key === 'Tab') closeMenu();
    else {
      const hit = e.key.length === 1 && !e.ctrlKey && !e.metaKey && open.items.find((i) => i.keys?.toLowerCase() === e.key.toLowerCase() && !i.disabled);
      if (!hit) return;
      closeMenu();
      hit.run?.();
    }
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div ref={ref} popover="manual" class={`menu${isSheet ? ' sheet' : ''}`} onKeyDown={onKey}>
      {open.head?.(() => closeMenu())}
      <div role="menu" aria-label={open.label}>
        {open.items.map((i) => (
          <button
            key={i.label}
            type="button"
            class={`menu-item${i.bad ? ' bad' : ''}${i.line ? ' line' : ''}`}
            role={i.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
            aria-checked={i.checked}
            aria-disabled={i.disabled || undefined}
            tabIndex={-1}
            onPointerMove={(e) => e.pointerType === 'mouse' && !i.disabled && e.currentTarget.focus()}
            onClick={() => {
              if (i.disabled) return;
              closeMenu();
              i.run?.();
            }}
          >
            {i.icon ? <Icon name={i.icon} small /> : <span class="icon small" />}
            <span class="grow">{i.label}</span>
            {i.checked && <Icon name="check" small />}
            {i.keys && <kbd aria-hidden="true">{i.keys}</kbd>}
          </button>
        ))}
      </div>
    </div>
  );
}

export function MenuHost() {
  return menu.value ? <MenuShown key={String(menu.value.label)} open={menu.value} /> : null;
}
