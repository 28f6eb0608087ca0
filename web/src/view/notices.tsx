// News: one line for screen readers, one notification and one sound for all tabs, the count in the title.
import { effect, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Message } from '../base/model';
import { plainName } from '../base/text';
import { number, t } from '../i18n';
import { chats, engine, go, otherUnread, place } from '../state/app';
import { say } from '../ui/live';
import { toast } from '../ui/toast';
import { shortOf } from './message';
import { titleOf } from './list';
import { sentence } from './trouble';

/** Somebody calls: the title says so before all else. */
export const rings = signal(false);

function announce(fresh: Message[]): void {
  const c = chats.peek();
  if (!c) return;
  if (fresh.length > 3) say(t('live.many', { n: fresh.length }));
  else say(fresh.map((m) => t('live.one', { name: m.channel ? titleOf(c.chat(m.chat).peek()) : plainName(m.name), text: shortOf(m) })).join(' '));
}

async function show(fresh: Message[]): Promise<void> {
  const c = chats.peek();
  const e = engine.peek();
  if (!c || !e) return;
  const s = e.settings;
  const isSeen = document.visibilityState === 'visible' && document.hasFocus();
  const loud = fresh.filter((m) => !c.isMuted(c.chat(m.chat).peek()) && !(isSeen && place.peek().chat === m.chat) && !(m.kind === 'system' && m.event && !m.actions?.length));
  if (!loud.length || s.quietUntil > Date.now()) return;
  if (s.sound) void import('./ring').then((x) => x.ring());
  if (!s.notify || isSeen) return;
  const last = loud[loud.length - 1]!;
  const chat = c.chat(last.chat).peek();
  const title = s.notifyText ? titleOf(chat) : 'WebChat';
  const body = s.notifyText ? shortOf(last) : t('notify.new', { n: loud.length });
  await notify(title, body, last.chat);
}

export async function notify(title: string, body: string, chat: string, more?: object): Promise<void> {
  if (!('Notification' in window) || Notification.permission !== 'granted') return;
  const options = { body, tag: `webchat:${chat}`, icon: 'icon-192.png', badge: 'icon-192.png', data: { chat }, ...more };
  const worker = await navigator.serviceWorker?.getRegistration();
  if (worker) await worker.showNotification(title, options);
  else
    new Notification(title, options).onclick = () => {
      window.focus();
      go({ chat });
    };
}

export function Notices() {
  const e = engine.value;
  useEffect(() => {
    if (!e) return;
    if (e.settings.push) void import('../state/push').then((x) => x.keepPush(e));
    const offFresh = e.on('fresh', (fresh) => {
      announce(fresh);
      void show(fresh);
      for (const m of fresh) chats.peek()?.stopTyping(m.chat);
    });
    const offTrouble = e.on('trouble', (tr) => {
      if (tr.code === 'storage_full' || tr.code === 'quota_exceeded') toast(sentence(tr), { bad: true });
    });
    const offTitle = effect(() => {
      const n = chats.value?.unread.value.all ?? 0;
      const more = Object.entries(otherUnread.value).reduce((k, [sid, v]) => k + (sid === e.session.sid ? 0 : v), 0);
      document.title = rings.value ? `${t('call.title')} - WebChat` : n + more ? `(${number(n + more)}) WebChat` : 'WebChat';
      const nav = navigator as Navigator & { setAppBadge?: (n: number) => Promise<void>; clearAppBadge?: () => Promise<void> };
      if (n + more) void nav.setAppBadge?.(n + more).catch(() => undefined);
      else void nav.clearAppBadge?.().catch(() => undefined);
    });
    return () => {
      offFresh();
      offTrouble();
      offTitle();
    };
  }, [e]);
  return null;
}
