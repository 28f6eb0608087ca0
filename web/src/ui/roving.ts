// Arrow keys walk among the rows of a list; Tab leaves it.

export function rove(e: KeyboardEvent, selector: string): boolean {
  const list = e.currentTarget as HTMLElement;
  const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 };
  const by = moves[e.key];
  if (by === undefined || e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return false;
  const rows = [...list.querySelectorAll<HTMLElement>(selector)];
  const now = rows.findIndex((r) => r === document.activeElement || r.contains(document.activeElement));
  if (now < 0) return false;
  const next = rows[Math.max(0, Math.min(rows.length - 1, now + by))];
  if (!next) return false;
  e.preventDefault();
  next.focus({ preventScroll: false });
  next.scrollIntoView({ block: 'nearest' });
  return true;
}
