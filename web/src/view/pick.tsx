// Choosing a chat: to forward to.
import { useSignal } from '@preact/signals';
import { partsOf } from '../base/model';
import { folded } from '../base/text';
import { t } from '../i18n';
import { chats } from '../state/app';
import { DialogHead, openDialog } from '../ui/dialog';
import { One } from '../ui/parts';
import { rove } from '../ui/roving';
import { ChatAvatar, titleOf } from './list';

function Pick({ title, close }: { title: string; close: (key?: string) => void }) {
  const c = chats.value!;
  const q = useSignal('');
  const all = [...c.all.values()].map((s) => s.value).filter((x) => x.key !== 'relay' && x.role !== '' && (x.lastAt > 0 || x.key === 'self') && folded(`${titleOf(x)} ${partsOf(x.key).address}`).includes(folded(q.value)));
  if (!all.some((x) => x.key === 'self') && folded(t('saved')).includes(folded(q.value))) all.push(c.chat('self').value);
  return (
    <>
      <DialogHead title={title} onClose={() => close()} closeLabel={t('close')} />
      <div class="field">
        <input type="search" aria-label={t('search.label')} placeholder={t('search.label')} autofocus value={q.value} onInput={(e) => (q.value = e.currentTarget.value)} />
      </div>
      <ul class="plain scroll" onKeyDown={(e) => rove(e, 'button')}>
        {all
          .sort((a, b) => b.lastAt - a.lastAt)
          .slice(0, 50)
          .map((x) => (
            <li key={x.key}>
              <button type="button" class="row-button" onClick={() => close(x.key)}>
                <ChatAvatar chat={x} size="mid" />
                <One class="grow">{titleOf(x)}</One>
              </button>
            </li>
          ))}
      </ul>
    </>
  );
}

export const pickChat = (title: string): Promise<string | undefined> => openDialog<string>((close) => <Pick title={title} close={close} />);
