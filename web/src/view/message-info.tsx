// How far a message came, person by person.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Message } from '../base/model';
import { plainName } from '../base/text';
import { fullTime, t, timeOf, type Key } from '../i18n';
import { chats } from '../state/app';
import type { Receipt } from '../wire/api';
import { DialogHead, openDialog } from '../ui/dialog';
import { Avatar, One } from '../ui/parts';
import { Tick } from './tick';
import { sentence } from './trouble';

const stateOf: Record<string, 'sent' | 'delivered' | 'read' | 'failed' | 'expired'> = { queued: 'sent', claimed: 'sent', sent: 'sent', delivered: 'delivered', read: 'read', failed: 'failed', expired: 'expired' };

function Info({ m, close }: { m: Message; close: () => void }) {
  const c = chats.value!;
  const receipt = useSignal<Receipt | null>(null);
  const error = useSignal('');
  useEffect(() => {
    if (!m.mine || !m.id) return;
    c.engine.api.receipts([m.id]).then(
      (r) => (receipt.value = r.receipts[0] ?? null),
      (e) => (error.value = sentence(e)),
    );
  }, []);
  const r = receipt.value;
  const line = (label: Key, at?: number) =>
    at ? (
      <>
        <dt>{t(label)}</dt>
        <dd>{fullTime(at)}</dd>
      </>
    ) : null;
  return (
    <>
      <DialogHead title={t('msgInfo')} onClose={close} closeLabel={t('close')} />
      <div class="dialog-text stack">
        <dl class="facts">
          <dt>{t('info.from')}</dt>
          <dd>
            <bdi>{m.mine ? t('you') : plainName(m.name)}</bdi>
          </dd>
          {line('info.sent', m.at)}
          {line('info.edited', m.edited)}
          {line('state.delivered', r?.delivered_at ?? m.deliveredAt)}
          {line('state.read', r?.read_at ?? m.readAt)}
          {m.mine && m.channel && (
            <>
              <dt>{t('info.state')}</dt>
              <dd>
                {t(`state.${m.state}` as Key)}
                {(r?.error ?? m.error) && <bdi>: {r?.error ?? m.error}</bdi>}
              </dd>
            </>
          )}
        </dl>
        {error.value && <p class="field-error">{error.value}</p>}
        {r?.recipients && (
          <>
            <p class="quiet-text">{t('info.readBy', { n: r.recipients.filter((x) => x.status === 'read').length, of: r.recipients.length })}</p>
            <ul class="plain">
              {r.recipients.map((x) => (
                <li key={x.chat_address} class="row-line">
                  <Avatar name={c.nameOf(x.chat_address)} address={x.chat_address} size="small" />
                  <One class="grow">{plainName(c.nameOf(x.chat_address))}</One>
                  <span class="quiet-text">{x.read_at ? timeOf(x.read_at) : x.delivered_at ? timeOf(x.delivered_at) : ''}</span>
                  <Tick state={stateOf[x.status] ?? 'sent'} />
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </>
  );
}

export function showInfo(m: Message): void {
  void openDialog((close) => <Info m={m} close={() => close()} />);
}
