// What a launch link leads to once somebody is signed in: a group to join, or a person to write to.
import { plainName } from '../base/text';
import { t } from '../i18n';
import { chats, go, launch } from '../state/app';
import { ask } from '../ui/dialog';
import { toast } from '../ui/toast';
import { openPerson } from './directory';
import { attempt } from './trouble';

async function joinGroup(id: string, invite: string): Promise<void> {
  const e = chats.peek()!.engine;
  const known = e.inbox.chats.get(id);
  if (known && known.role !== '' && known.role !== undefined) return go({ chat: id });
  const host = new URL(e.session.relay).host;
  if (!(await ask({ title: t('invite.joinTitle'), text: t('invite.joinText', { relay: host }), yes: t('join'), no: t('cancel') }))) return;
  await attempt(async () => {
    const { status } = await e.api.join(id, invite ? { invite } : undefined);
    const { group } = await e.api.group(id);
    if (status !== 'member') return toast(t('group.asked', { name: plainName(group.name) }));
    await e.refreshGroup(id);
    go({ chat: id });
  });
}

/** Once: the link is used up. */
export async function arrive(): Promise<void> {
  const link = launch.peek();
  if (!link || !chats.peek()) return;
  launch.value = null;
  if (link.group) await joinGroup(link.group, link.invite);
  else if (link.to) await openPerson(link.to, '');
}
