import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { plainName } from '../base/text';
import { t, type Key } from '../i18n';
import { chats } from '../state/app';
import type { Contact } from '../wire/api';
import { Icon } from '../ui/icon';
import { Button, Choice, Field, One, Round } from '../ui/parts';
import { channelIcon } from './list';
import { openPerson } from './directory';
import { attempt, sentence } from './trouble';
import { go } from '../state/app';
import { chatKeyOf, plainAddress } from '../base/model';

export function Contacts() {
  const c = chats.value!;
  const list = useSignal<Contact[] | null>(null);
  const etag = useSignal('');
  const error = useSignal('');
  const name = useSignal('');
  const address = useSignal('');
  const channel = useSignal<Contact['channel']>('pchat');
  const load = async (): Promise<void> => {
    try {
      const r = await c.engine.api.contacts();
      list.value = r?.contacts ?? [];
      etag.value = r?.etag ?? '';
    } catch (e) {
      error.value = sentence(e);
    }
  };
  useEffect(() => void load(), []);
  const put = async (next: Contact[]): Promise<void> => {
    if (await attempt(() => c.engine.api.putContacts(next, etag.value))) await load();
  };
  const open = (x: Contact): void => {
    if (x.channel === 'pchat') void openPerson(x.address, x.name);
    else {
      const key = chatKeyOf.outside(x.channel, '', plainAddress(x.channel, x.address));
      void c.engine.changeChat(key, { title: x.name }).then(() => go({ chat: key }));
    }
  };
  const channels: Contact['channel'][] = ['pchat', 'sms', 'wa', 'tg', 'email'];
  const label = (x: string): string => t(`filter.${x === 'pchat' ? 'webchat' : x === 'tg_bot' ? 'tg' : x}` as Key);
  return (
    <>
      <p class="field-hint">{t('contacts.about')}</p>
      {error.value && <p class="notice bad">{error.value}</p>}
      <form
        class="stack card"
        onSubmit={(e) => {
          e.preventDefault();
          if (!address.value.trim()) return;
          void put([...(list.value ?? []), { name: name.value.trim() || address.value.trim(), channel: channel.value, address: address.value.trim() }]).then(() => (name.value = address.value = ''));
        }}
      >
        <Field id="contact-name" label={t('first.name')} value={name.value} maxLength={100} onInput={(e) => (name.value = e.currentTarget.value)} />
        <Choice id="contact-channel" label={t('outside.channel')} value={channel.value} options={channels.map((x) => [x, label(x)])} onChange={(v) => (channel.value = v)} />
        <Field id="contact-address" label={t('outside.to')} dir="ltr" value={address.value} maxLength={254} onInput={(e) => (address.value = e.currentTarget.value)} />
        <div>
          <Button type="submit" icon="plus" disabled={!address.value.trim()}>
            {t('contacts.add')}
          </Button>
        </div>
      </form>
      <ul class="plain">
        {(list.value ?? []).map((x, i) => (
          <li key={`${x.channel}${x.address}${i}`} class="row-line">
            <button type="button" class="row-button grow" onClick={() => open(x)}>
              <Icon name={channelIcon[x.channel] ?? 'user'} />
              <span class="grow">
                <One class="block title">{plainName(x.name)}</One>
                <One class="block quiet-text">{x.address}</One>
              </span>
            </button>
            <Round icon="x" label={t('contacts.remove', { name: x.name })} onClick={() => void put(list.value!.filter((y) => y !== x))} />
          </li>
        ))}
      </ul>
      {list.value?.length === 0 && <p class="quiet-text">{t('contacts.none')}</p>}
    </>
  );
}
