// What can be done with a chat, for its menus.
import '../ui/icons-more';
import type { Chat } from '../base/model';
import { partsOf } from '../base/model';
import { t } from '../i18n';
import { chats, go, place } from '../state/app';
import { ask } from '../ui/dialog';
import type { MenuItem } from '../ui/menu';
import { toast } from '../ui/toast';
import { attempt } from './trouble';
import { titleOf } from './list';

const HOUR = 3_600_000;

export async function block(channel: string, address: string, name: string): Promise<void> {
  const e = chats.peek()!.engine;
  if (!(await ask({ title: t('block.title', { name }), text: t(channel === 'pchat' ? 'block.text' : 'outside.blockText'), yes: t('block.do'), no: t('cancel'), bad: true }))) return;
  if (await attempt(() => e.block(channel, address, true))) toast(t('block.done', { name }), { action: { label: t('undo'), run: () => void attempt(() => e.block(channel, address, false)) } });
}

export function chatActions(chat: Chat): MenuItem[] {
  const c = chats.peek()!;
  const e = c.engine;
  const { kind, address, channel } = partsOf(chat.key);
  const change = (x: Partial<Chat>): void => void e.changeChat(chat.key, x);
  const isMuted = c.isMuted(chat);
  const items: MenuItem[] = [
    { label: chat.pinned ? t('unpin') : t('pin'), icon: chat.pinned ? 'pin-off' : 'pin', run: () => change({ pinned: !chat.pinned }), keys: 'P' },
    { label: chat.archived ? t('unarchive') : t('archive'), icon: 'archive', run: () => change({ archived: !chat.archived }), keys: 'A' },
  ];
  if (isMuted) items.push({ label: t('unmute'), icon: 'bell', run: () => change({ muted: 0 }), keys: 'M' });
  else items.push({ label: t('mute.hours', { n: 8 }), icon: 'bell-off', run: () => change({ muted: Date.now() + 8 * HOUR }), keys: 'M' }, { label: t('mute.ever'), icon: 'bell-off', run: () => change({ muted: -1 }) });
  if (chat.unread) items.push({ label: t('markRead'), icon: 'check-check', run: () => void e.store.message.page(chat.key, null, 1).then(([m]) => m && e.markRead(chat.key, m)) });
  items.push({
    label: t('clear'), icon: 'trash-2', line: true,
    run: () => void ask({ title: t('clear.title'), text: t('clear.text', { name: titleOf(chat) }), yes: t('clear.do'), no: t('cancel'), bad: true }).then((yes) => {
      if (!yes) return;
      const isGone = kind === 'person' || kind === 'outside' || chat.role === '';
      void e.clearChat(chat.key, isGone);
      if (isGone && place.peek().chat === chat.key) go({});
    }),
  });
  if (kind === 'person' || (kind === 'outside' && channel !== 'notify')) {
    if (chat.blocked) items.push({ label: t('unblock'), icon: 'circle-check', run: () => void attempt(() => e.block(channel, address, false)) });
    else items.push({ label: t('block'), icon: 'ban', bad: true, run: () => void block(channel, address, titleOf(chat)) });
  }
  return items;
}
