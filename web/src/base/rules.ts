// What the relay allows, so that a form can say it before the relay does.
import type { Chat } from './model';

export const addressPattern = /^[a-z0-9][a-z0-9._-]{2,63}$/;

/** A chat address made from a name, or '' when nothing of it can be used. */
export function suggestAddress(name: string, email: string): string {
  for (const source of [name, email.split('@')[0] ?? '']) {
    const slug = source
      .normalize('NFKD')
      .replace(/[\u0300-\u036f]/g, '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 64);
    if (addressPattern.test(slug)) return slug;
  }
  return '';
}

export const looksLikeEmail = (s: string): boolean => /^[^@\s]+@[^@\s]+$/.test(s.trim()) && s.trim().length <= 254;

export const utf8Length = (s: string): number => new TextEncoder().encode(s).length;

/** An address that a relay may have; null with none. `https://` is put in front of a bare host. */
export function relayUrl(text: string): string | null {
  let s = text.trim();
  if (!s || /[\s\\]/.test(s)) return null;
  if (!/^[a-z]+:\/\//i.test(s)) s = 'https://' + s;
  try {
    const u = new URL(s);
    if ((u.protocol !== 'http:' && u.protocol !== 'https:') || u.username || u.password || !u.hostname) return null;
    return u.origin + u.pathname.replace(/\/+$/, '').replace(/\/app\/webchat(\/chat\.html)?$/, '');
  } catch {
    return null;
  }
}

export const isEncrypted = (relay: string): boolean => relay.startsWith('https:');

export function isThisMachine(relay: string): boolean {
  const host = new URL(relay).hostname;
  return host === 'localhost' || host.endsWith('.localhost') || host === '127.0.0.1' || host === '[::1]';
}

/** Calls that a button of the relay may make: decisions on join, access and similar requests. */
export function isAllowedAction(path: string): boolean {
  return /^\/api\/v1\/webchat\/groups\/grp_[0-9a-f]{32}\/requests\/req_[A-Za-z0-9_-]{8,64}\/(approve|reject)$/.test(path) ||
    /^\/api\/v1\/webchat\/invites\/inv_[A-Za-z0-9_-]{8,64}\/(accept|decline)$/.test(path) ||
    /^\/api\/v1\/webchat\/admin\/access-requests\/req_[A-Za-z0-9_-]{8,64}\/(approve|deny)$/.test(path);
}

/** Days are compared in the reader's own time zone. */
export function dayOf(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${d.getMonth()}-${d.getDate()}`;
}

/** Into which language a chat is translated; null: not by itself. */
export function targetOf(chat: Pick<Chat, 'key' | 'receive'>, account: { receive?: string; translateAll?: boolean; translateBy?: string }, fallback: string): string | null {
  if (!account.translateBy || account.translateBy === 'off' || chat.key === 'relay') return null;
  if (chat.receive === 'off') return null;
  if (chat.receive) return chat.receive;
  return account.translateAll ? (account.receive ?? fallback) : null;
}
