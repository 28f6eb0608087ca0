// What is decided by buttons of the relay's own messages.
import type { Message } from '../base/model';
import { isAllowedAction } from '../base/rules';
import { Trouble } from '../base/trouble';
import { maybe } from '../i18n';
import { chats } from '../state/app';
import { Button } from '../ui/parts';
import { toast } from '../ui/toast';
import { sentence } from './trouble';

/** Buttons that the relay sends: drawn only where we know what they do, with words of ours. */
export function Actions({ m }: { m?: Message }) {
  const e = chats.value!.engine;
  if (!m) return null;
  if (m.decided) return <p class="decided">{maybe(`decided.${m.decided}`) ?? maybe(`act.${m.decided}`) ?? m.decided}</p>;
  const known = (m.actions ?? []).filter((a) => a.method === 'POST' && isAllowedAction(a.path));
  if (!known.length) return null;
  const act = async (path: string): Promise<void> => {
    let decided: string;
    try {
      const { status } = await e.api.act(path);
      decided = status === 'member' ? 'accept' : status === 'declined' ? 'decline' : status;
    } catch (err) {
      const code = err instanceof Trouble ? err.code : '';
      if (code !== 'already_decided' && code !== 'unknown_request') {
        toast(sentence(err), { bad: true });
        return;
      }
      // an access request that is refused to one answer has got the other one
      decided = code === 'unknown_request' ? 'already' : path.endsWith('/deny') ? 'approved' : 'denied';
    }
    const next = { ...m, decided };
    await e.store.message.put(next);
    e.emit('messages', [next]);
    if (m.chat.startsWith('grp_')) void e.refreshGroup(m.chat);
  };
  return (
    <div class="actions">
      {known.map((a) => {
        const verb = a.path.split('/').pop()!;
        return (
          <Button key={a.path} kind={verb === 'approve' || verb === 'accept' ? 'main' : ''} onClick={() => void act(a.path)}>
            {maybe(`act.${verb}`) ?? verb}
          </Button>
        );
      })}
    </div>
  );
}
