// A new message to a phone number, a mail address or a notification.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { chatKeyOf, plainAddress } from '../base/model';
import { t, type Key } from '../i18n';
import { back, chats, go } from '../state/app';
import type { PhoneInfo } from '../wire/api';
import { Icon } from '../ui/icon';
import { Button, Choice, Field } from '../ui/parts';
import { PageHead } from './page-head';

type Channel = 'sms' | 'wa' | 'tg' | 'email' | 'notify';

export function NewOutside() {
  const c = chats.value!;
  const channel = useSignal<Channel>('sms');
  const to = useSignal('');
  const phone = useSignal('');
  const phones = useSignal<PhoneInfo[]>([]);
  const error = useSignal('');
  useEffect(() => void c.engine.api.phones().then((r) => (phones.value = r.phones), () => undefined), []);
  const isPhone = channel.value !== 'email';
  const open = (): void => {
    const address = plainAddress(channel.value, to.value);
    if (channel.value !== 'notify' && !address) {
      error.value = t('err.to');
      return;
    }
    const key = chatKeyOf.outside(channel.value, isPhone ? phone.value : '', address || 'me');
    void c.engine.changeChat(key, { title: to.value.trim() || t('filter.notify') }).then(() => go({ chat: key }));
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
        <Choice id="out-channel" label={t('outside.channel')} value={channel.value} options={(['sms', 'wa', 'tg', 'email', 'notify'] as Channel[]).map((x) => [x, t(`filter.${x}` as Key)])} onChange={(v) => (channel.value = v)} />
        {isPhone && <Choice id="out-phone" label={t('outside.phone')} value={phone.value} options={[['', t('bridge.any')], ...phones.value.filter((p) => p.phone_id).map((p): [string, string] => [p.phone_id, p.phone_id])]} onChange={(v) => (phone.value = v)} />}
        {isPhone && phones.value.length === 0 && (
          <p class="notice">
            <Icon name="info" small />
            <span class="grow">{t('outside.noPhone')}</span>
            <button type="button" class="text-button" onClick={() => go({ page: 'settings/advanced' })}>
              {t('settings.title')}
            </button>
          </p>
        )}
        {channel.value !== 'notify' && <Field id="out-to" label={t('outside.to')} dir="ltr" autofocus inputMode={channel.value === 'email' ? 'email' : 'tel'} value={to.value} error={error.value} onInput={(e) => (to.value = e.currentTarget.value)} />}
        <div class="form-foot">
          <Button kind="main" type="submit">
            {t('message.write')}
          </Button>
        </div>
      </form>
    </main>
  );
}
