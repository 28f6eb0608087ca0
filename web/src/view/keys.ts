// Shortcuts that hold everywhere. A key counts by what it writes; by its place only where it writes no Latin letter.
import { chats, go, place, sessions, switchTo } from '../state/app';
import { dialogs } from '../ui/dialog';
import { menu } from '../ui/menu';

export function keyOf(e: KeyboardEvent): string {
  if (e.key.length === 1 && !/^[\x20-\x7e]$/.test(e.key)) {
    const m = /^(?:Key|Digit)(.)$/.exec(e.code);
    if (m) return m[1]!.toLowerCase();
  }
  return e.key.toLowerCase();
}

function nextChat(by: number): void {
  const keys = chats.peek()?.shown.peek() ?? [];
  const now = keys.indexOf(place.peek().chat ?? '');
  const next = keys[Math.max(0, Math.min(keys.length - 1, now < 0 ? 0 : now + by))];
  if (next) go({ chat: next });
}

/** Somebody types where nothing takes it: on the page itself, or on a message that was clicked on. */
const isForNobody = (e: KeyboardEvent): boolean =>
  e.key.length === 1 && e.key !== ' ' && !e.defaultPrevented && (!(e.ctrlKey || e.metaKey || e.altKey) || e.getModifierState('AltGraph')) &&
  (e.target === document.body || (e.target as Element).matches('.bubble, .time'));

export function onKey(e: KeyboardEvent): boolean {
  if (menu.peek() || dialogs.peek().length || !chats.peek()) return false;
  const ctrl = e.ctrlKey || e.metaKey;
  const key = keyOf(e);
  const p = place.peek();
  if (ctrl && e.shiftKey && /^Digit\d$/.test(e.code)) {
    const n = (Number(e.code.slice(5)) + 9) % 10;
    const s = sessions.peek()[n];
    if (s) void switchTo(s.sid);
  } else if (ctrl && !e.shiftKey && key === 'k') document.querySelector<HTMLInputElement>('#search')?.focus();
  else if (ctrl && !e.shiftKey && key === '/') go({ ...p, page: 'settings/help' });
  else if (ctrl && !e.shiftKey && key === ',') go({ page: 'settings' });
  else if (ctrl && e.shiftKey && key === 'f' && p.chat) go({ chat: p.chat, panel: p.panel === 'find' ? undefined : 'find' });
  else if (ctrl && e.shiftKey && key === 'o') go({ page: 'directory' });
  else if (ctrl && e.shiftKey && key === 'i' && p.chat) go({ chat: p.chat, panel: p.panel === 'info' ? undefined : 'info' });
  else if (e.altKey && !ctrl && (key === 'arrowdown' || key === 'arrowup')) nextChat(key === 'arrowdown' ? 1 : -1);
  else if (key === 'escape' && !e.defaultPrevented) {
    if (p.panel) go({ chat: p.chat });
    else if (p.page) go(p.chat ? { chat: p.chat } : {});
    else if (p.chat) go({});
    else return false;
  } else {
    // the letter goes where the focus is then
    if (p.chat && !p.page && isForNobody(e)) document.querySelector<HTMLElement>('#compose')?.focus();
    return false;
  }
  return true;
}

export function listenKeys(): () => void {
  const heard = (e: KeyboardEvent): void => {
    if (onKey(e)) e.preventDefault();
  };
  window.addEventListener('keydown', heard);
  return () => window.removeEventListener('keydown', heard);
}
