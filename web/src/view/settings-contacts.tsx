// The address book: search, add, change, remove; import and export.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { BOOK_MOST, bookKey, channelsOfBook, cleanAddress, cleanName, withOne, without, type ContactChannel } from '../base/contacts';
import { folded, plainName } from '../base/text';
import { changeBook, loadBook } from '../state/book';
import { number, t, type Key } from '../i18n';
import { chats } from '../state/app';
import { DialogHead, openDialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { openMenu } from '../ui/menu';
import { Button, Choice, Empty, Field, One, Round } from '../ui/parts';
import { rove } from '../ui/roving';
import { toast } from '../ui/toast';
import type { Contact } from '../wire/api';
import { openPerson } from './directory';
import { channelIcon } from './list';
import { openOutside } from './outside';
import { attempt, sentence } from './trouble';

const PAGE = 100;

export const channelLabel = (x: string): string => t(`filter.${x === 'pchat' ? 'webchat' : x === 'tg_bot' ? 'tg' : x}` as Key);

/** A row's second line: what stands there reads from left to right in every language. */
export const AddressLine = ({ c }: { c: Contact }) => (
  <span class="one block quiet-text">
    {channelLabel(c.channel)} · <bdi dir="ltr">{c.channel === 'pchat' ? `@${c.address}` : c.address}</bdi>
  </span>
);

function Edit({ old, close }: { old: Contact | null; close: (c?: Contact) => void }) {
  const name = useSignal(old?.name ?? '');
  const channel = useSignal<ContactChannel>(old?.channel ?? 'sms');
  const address = useSignal(old?.address ?? '');
  const error = useSignal('');
  const save = (): void => {
    const clean = cleanAddress(channel.value, address.value);
    if (!clean) error.value = t(!address.value.trim() ? 'err.to' : channel.value === 'email' ? 'err.email' : channel.value === 'pchat' ? 'err.address' : channel.value === 'sms' || channel.value === 'wa' ? 'outside.badNumber' : 'err.to');
    else close({ name: cleanName(name.value) || clean, channel: channel.value, address: clean });
  };
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        save();
      }}
    >
      <DialogHead title={t(old ? 'contacts.edit' : 'contacts.add')} onClose={() => close()} closeLabel={t('close')} />
      <div class="dialog-text stack">
        <Field id="contact-name" label={t('first.name')} autofocus autoComplete="off" value={name.value} maxLength={100} onInput={(e) => (name.value = e.currentTarget.value)} />
        <Choice id="contact-channel" label={t('outside.channel')} value={channel.value} options={channelsOfBook.map((x) => [x, channelLabel(x)])} onChange={(v) => ((channel.value = v), (error.value = ''))} />
        <Field id="contact-address" label={t('outside.to')} dir="ltr" autoComplete="off" spellcheck={false} autocapitalize="none" value={address.value} error={error.value} maxLength={254} onInput={(e) => ((address.value = e.currentTarget.value), (error.value = ''))} />
      </div>
      <div class="dialog-foot">
        <Button kind="quiet" onClick={() => close()}>
          {t('cancel')}
        </Button>
        <Button kind="main" type="submit">
          {t('save')}
        </Button>
      </div>
    </form>
  );
}

export function Contacts() {
  const c = chats.value!;
  const list = useSignal<Contact[] | null>(null);
  const error = useSignal('');
  const query = useSignal('');
  const shown = useSignal(PAGE);
  const load = (): Promise<void> => loadBook().then((b) => void ((list.value = b.contacts), (error.value = '')), (e) => void (error.value = sentence(e)));
  useEffect(() => {
    void load();
    return c.engine.on('contacts', (now) => (list.value = now));
  }, []);
  const change = (how: (l: Contact[]) => Contact[]): Promise<boolean> => attempt(async () => (list.value = await changeBook(how)));
  const edit = async (old: Contact | null): Promise<void> => {
    const next = await openDialog<Contact>((close) => <Edit old={old} close={close} />);
    if (!next) return;
    if (!old && (list.value?.length ?? 0) >= BOOK_MOST) return toast(t('import.tooMany', { n: BOOK_MOST }), { bad: true });
    await change((l) => withOne(l, old, next));
  };
  const remove = async (x: Contact): Promise<void> => {
    if (await change((l) => without(l, x))) toast(t('contacts.removed', { name: plainName(x.name) }), { action: { label: t('undo'), run: () => void change((l) => withOne(l, null, x)) } });
  };
  const open = (x: Contact): void => void (x.channel === 'pchat' ? openPerson(x.address, x.name) : openOutside(x.channel, '', x.address, x.name));
  const bring = async (): Promise<void> => {
    const { ImportDialog } = await import('./contacts-import');
    const n = await openDialog<number>((close) => <ImportDialog known={list.value ?? []} close={close} />);
    if (n !== undefined) toast(t('import.done', { n }));
    await load();
  };
  const save = (kind: 'csv' | 'vcf' | 'template'): Promise<boolean> =>
    attempt(async () => {
      const x = await import('./contacts-export');
      x.exportBook(kind, list.value ?? []);
    });
  const words = folded(query.value.trim());
  const found = (list.value ?? []).filter((x) => !words || folded(`${x.name} ${x.address}`).includes(words)).sort((a, b) => a.name.localeCompare(b.name));
  const isFull = list.value !== null && list.value.length > 0;
  return (
    <>
      <p class="field-hint">{t('contacts.about')}</p>
      {error.value && (
        <p class="notice bad" role="alert">
          <span class="grow">{error.value}</span>
          <button type="button" class="text-button" onClick={() => void load()}>
            {t('tryAgain')}
          </button>
        </p>
      )}
      <div class="row-line wrap">
        <Button kind="main" icon="plus" disabled={list.value === null} onClick={() => void edit(null)}>
          {t('contacts.add')}
        </Button>
        <Button icon="upload" disabled={list.value === null} onClick={() => void bring()}>
          {t('import.title')}
        </Button>
        <Button
          icon="download"
          aria-haspopup="menu"
          onClick={(e) =>
            openMenu(e.currentTarget, t('contacts.export'), [
              { label: t('contacts.exportCsv'), icon: 'file-text', disabled: !isFull, run: () => void save('csv') },
              { label: t('contacts.exportVcf'), icon: 'contact', disabled: !isFull, run: () => void save('vcf') },
              { label: t('contacts.template'), icon: 'file', line: true, run: () => void save('template') },
            ])
          }
        >
          {t('contacts.export')}
        </Button>
      </div>
      {isFull && (
        <label class="search">
          <Icon name="search" small />
          <span class="hidden">{t('contacts.search')}</span>
          <input type="search" placeholder={t('contacts.search')} autoComplete="off" value={query.value} onInput={(e) => ((query.value = e.currentTarget.value), (shown.value = PAGE))} />
        </label>
      )}
      {list.value === null && !error.value && <div class="skeleton rows-wait" aria-busy="true" />}
      {isFull && (
        <p class="quiet-text" role="status">
          {words ? t('contacts.found', { n: found.length }) : t('contacts.count', { n: found.length })}
        </p>
      )}
      <ul class="plain" aria-label={t('settings.contacts')} onKeyDown={(e) => rove(e, '.row-button')}>
        {found.slice(0, shown.value).map((x) => (
          <li key={bookKey(x)} class="row-line" data-contact={x.address}>
            <button type="button" class="row-button grow" onClick={() => open(x)}>
              <Icon name={channelIcon[x.channel] ?? 'user'} />
              <span class="grow">
                <One class="block title">{plainName(x.name)}</One>
                <AddressLine c={x} />
              </span>
            </button>
            <Round
              icon="ellipsis-vertical"
              label={t('contacts.menu', { name: plainName(x.name) })}
              aria-haspopup="menu"
              onClick={(e) =>
                openMenu(e.currentTarget as HTMLElement, plainName(x.name), [
                  { label: t('message.write'), icon: 'message-circle', run: () => open(x) },
                  { label: t('contacts.edit'), icon: 'pencil', run: () => void edit(x) },
                  { label: t('delete'), icon: 'trash-2', bad: true, line: true, run: () => void remove(x) },
                ])
              }
            />
          </li>
        ))}
      </ul>
      {found.length > shown.value && <Button onClick={() => (shown.value += PAGE)}>{`${t('showMore')} (${number(found.length - shown.value)})`}</Button>}
      {list.value?.length === 0 && (
        <Empty icon="contact" title={t('contacts.none')}>
          <p>{t('contacts.noneText')}</p>
        </Empty>
      )}
    </>
  );
}
