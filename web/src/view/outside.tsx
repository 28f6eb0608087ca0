// A new message to a phone number, a mail address or a notification.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { cleanAddress } from '../base/contacts';
import { chatKeyOf, plainAddress } from '../base/model';
import { folded, plainName } from '../base/text';
import { loadBook } from '../state/book';
import { t, type Key } from '../i18n';
import { back, chats, go } from '../state/app';
import { Icon } from '../ui/icon';
import { Button, Choice, Field, One } from '../ui/parts';
import { rove } from '../ui/roving';
import type { Contact, PhoneInfo } from '../wire/api';
import { PageHead } from './page-head';

type Channel = 'sms' | 'wa' | 'tg' | 'email' | 'notify';
const channels: Channel[] = ['sms', 'wa', 'tg', 'email', 'notify'];
const SUGGESTED = 6;

export async function openOutside(channel: string, phone: string, address: string, title: string): Promise<void> {
  const e = chats.peek()!.engine;
  const key = chatKeyOf.outside(channel, phone, plainAddress(channel, address));
  await e.changeChat(key, { title });
  await e.nameChats(true);
  go({ chat: key });
}

export function NewOutside() {
  const c = chats.value!;
  const channel = useSignal<Channel>('sms');
  const to = useSignal('');
  const phone = useSignal('');
  const phones = useSignal<PhoneInfo[] | null>(null);
  const book = useSignal<Contact[]>([]);
  const error = useSignal('');
  useEffect(() => {
    void c.engine.api.phones().then((r) => (phones.value = r.phones.filter((p) => p.phone_id)), () => undefined);
    void loadBook().then((b) => (book.value = b.contacts), () => undefined);
  }, []);
  const isPhone = channel.value !== 'email';
  const isNumber = channel.value === 'sms' || channel.value === 'wa';
  const q = folded(to.value.trim());
  const known = channel.value === 'notify' ? [] : book.value.filter((x) => x.channel === channel.value && (!q || folded(`${x.name} ${x.address}`).includes(q))).slice(0, SUGGESTED);
  const open = (name = to.value.trim(), address = to.value): void => {
    const clean = channel.value === 'notify' ? 'me' : cleanAddress(channel.value, address);
    if (!clean) {
      error.value = !address.trim() ? t('err.to') : t(isNumber ? 'outside.badNumber' : channel.value === 'email' ? 'err.email' : 'err.to');
      return;
    }
    void openOutside(channel.value, isPhone ? phone.value : '', clean, name || t('filter.notify'));
  };
  return (
    <main class="talk page" aria-label={t('outside.new')}>
      <PageHead title={t('outside.new')} onBack={back} always />
      <form
        class="page-body stack"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          open();
        }}
      >
        <Choice id="out-channel" label={t('outside.channel')} value={channel.value} options={channels.map((x) => [x, t(`filter.${x}` as Key)])} onChange={(v) => ((channel.value = v), (error.value = ''))} />
        {isPhone && phones.value && phones.value.length > 1 && <Choice id="out-phone" label={t('outside.phone')} value={phone.value} options={[['', t('bridge.any')], ...phones.value.map((p): [string, string] => [p.phone_id, p.phone_id])]} onChange={(v) => (phone.value = v)} />}
        {isPhone && phones.value?.length === 0 && (
          <p class="notice">
            <Icon name="info" small />
            <span class="grow">{t('outside.noPhone')}</span>
            <button type="button" class="text-button" onClick={() => go({ page: 'settings/advanced' })}>
              {t('outside.phones')}
            </button>
          </p>
        )}
        {channel.value !== 'notify' && <Field id="out-to" label={t('outside.to')} dir="ltr" autofocus autoComplete="off" inputMode={channel.value === 'email' ? 'email' : isNumber ? 'tel' : 'text'} hint={isNumber ? t('outside.numberHint') : undefined} value={to.value} error={error.value} onInput={(e) => ((to.value = e.currentTarget.value), (error.value = ''))} />}
        {channel.value === 'notify' && <p class="field-hint">{t('outside.notifyHint')}</p>}
        {known.length > 0 && (
          <ul class="plain" aria-label={t('settings.contacts')} onKeyDown={(e) => rove(e, '.row-button')}>
            {known.map((x) => (
              <li key={x.address}>
                <button type="button" class="row-button" onClick={() => open(x.name, x.address)}>
                  <Icon name="user" />
                  <span class="grow">
                    <One class="block title">{plainName(x.name)}</One>
                    <span class="one block quiet-text">
                      <bdi dir="ltr">{x.address}</bdi>
                    </span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
        <div class="form-foot">
          <Button kind="main" type="submit">
            {t('message.write')}
          </Button>
        </div>
      </form>
    </main>
  );
}
