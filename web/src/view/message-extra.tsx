// What few messages have: buttons of the relay, and what to do with one that did not go out.
import type { Message } from '../base/model';
import { isAllowedAction } from '../base/rules';
import { Trouble } from '../base/trouble';
import { maybe, t } from '../i18n';
import { chats } from '../state/app';
import { Button } from '../ui/parts';
import { toast } from '../ui/toast';
import { startEdit } from './composing';
import { sentence } from './trouble';

/** Buttons that the relay sends: drawn only where we know what they do, with words of ours. */
export function Actions({ m }: { m: Message }) {
  const e = chats.value!.engine;
  if (m.kind !== 'system' || m.from !== 'relay') return null;
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
    const next = await e.store.update(e.store.message, m.key, (now) => ({ ...now, decided }));
    if (next) await e.changed([next]);
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

export function Failure({ m }: { m: Message }) {
  const e = chats.value!.engine;
  const why = m.state === 'unsure' ? t('err.not_confirmed') : m.state === 'expired' ? t('err.expired') : m.error ? (maybe(`err.${m.error}`) ?? m.error) : t('err.internal');
  return (
    <div class="failure" role="group" aria-label={t('state.failed')}>
      <span class="block">{why}</span>
      {(m.state !== 'expired' || m.channel) && (
        <button type="button" class="text-button" onClick={() => void e.retry(m)}>
          {m.state === 'unsure' ? t('sendAgain') : t('tryAgain')}
        </button>
      )}
      {!(m.channel && m.id) && (
        <button type="button" class="text-button" onClick={() => startEdit(m)}>
          {t('edit')}
        </button>
      )}
      <button type="button" class="text-button" onClick={() => void e.discard(m)}>
        {t('delete')}
      </button>
    </div>
  );
}
