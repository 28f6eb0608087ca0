// What stays on this device, the lock, blocked people, the archive, and the ways to leave.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { plainName } from '../base/text';
import { sizeOf, t } from '../i18n';
import { accountsOf, chats, go, isLocked, lockNow } from '../state/app';
import { eraseAccount, forgetDevice, setPassphrase, signOut } from '../state/leaving';
import { makeArchive, readArchive } from '../store/archive';
import { canLock } from '../store/lock';
import { ask, DialogHead, openDialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Avatar, Button, Choice, Field, One, Switch } from '../ui/parts';
import { toast } from '../ui/toast';
import { copyText } from './copy';
import { channelIcon } from './list';
import { saveBlob } from './save-blob';
import { keepChoices } from './words';
import { attempt, sentence } from './trouble';

export function Privacy() {
  const c = chats.value!;
  const s = c.settings.value;
  const used = useSignal('');
  useEffect(() => void navigator.storage?.estimate?.().then((e) => (used.value = e.usage ? sizeOf(e.usage) : '')), []);
  const save = (x: Partial<typeof s>): void => void c.engine.saveSettings(x);
  return (
    <>
      <p class="notice">
        <Icon name="database" small />
        <span>{t('privacy.memory')}</span>
      </p>
      {c.config.value?.retention && <p class="field-hint">{t('privacy.grace', { hours: Math.round(c.config.value.retention.device_grace_sec / 3600) })}</p>}
      <Choice id="keep" label={t('keep.label')} value={s.keepDays} options={keepChoices()} onChange={(v) => save({ keepDays: v })} hint={used.value ? t('privacy.used', { size: used.value }) : undefined} />
      <Choice id="fetch" label={t('privacy.fetch')} value={s.autoFetchMb} options={[1, 5, 20, 100, 1000].map((n) => [n, sizeOf(n * 1_000_000)])} onChange={(v) => save({ autoFetchMb: v })} hint={t('privacy.fetchHint')} />
      <Switch label={t('privacy.photo')} hint={t('privacy.photoHint')} checked={!s.keepPhotoData} onChange={(v) => save({ keepPhotoData: !v })} />
      {c.config.value?.features['calls'] && <Switch label={t('call.hide')} hint={t('call.hideHint')} checked={s.callsHidden === true} onChange={(v) => save({ callsHidden: v })} />}
      <LockPart />
      <Blocked />
      <ArchivePart />
      <h3 class="small-head">{t('leave.title')}</h3>
      <Button icon="log-out" onClick={() => go({ page: 'settings/leave' })}>
        {t('leave.open')}
      </Button>
    </>
  );
}

function LockPart() {
  const words = useSignal('');
  const again = useSignal('');
  const error = useSignal('');
  const busy = useSignal(false);
  if (!canLock()) return <p class="field-hint">{t('lock.insecure')}</p>;
  const set = async (): Promise<void> => {
    if (words.value.length < 8) error.value = t('lock.short');
    else if (words.value !== again.value) error.value = t('lock.differ');
    else {
      busy.value = true;
      await attempt(() => setPassphrase(words.value));
      busy.value = false;
      words.value = again.value = error.value = '';
      toast(t('lock.on'));
    }
  };
  return (
    <section class="stack">
      <h3 class="small-head">{t('lock.head')}</h3>
      <p class="field-hint">{t('lock.about')}</p>
      {isLocked.value ? (
        <div class="row-line">
          <Button icon="lock" onClick={lockNow}>
            {t('lock.now')}
          </Button>
          <Button onClick={() => void ask({ title: t('lock.remove'), text: t('lock.removeText'), yes: t('lock.remove'), no: t('cancel') }).then((yes) => void (yes && attempt(() => setPassphrase(null))))}>{t('lock.remove')}</Button>
        </div>
      ) : (
        <form
          class="stack"
          onSubmit={(e) => {
            e.preventDefault();
            void set();
          }}
        >
          <input type="text" class="hidden" autoComplete="username" tabIndex={-1} aria-hidden="true" value={chats.value!.engine.me} readOnly />
          <Field id="lock-words" type="password" autoComplete="new-password" label={t('lock.passphrase')} value={words.value} error={error.value} onInput={(e) => (words.value = e.currentTarget.value)} />
          {words.value && <Field id="lock-again" type="password" autoComplete="new-password" label={t('lock.again')} value={again.value} onInput={(e) => (again.value = e.currentTarget.value)} />}
          {words.value && (
            <Button kind="main" type="submit" icon="lock" busy={busy.value}>
              {t('lock.set')}
            </Button>
          )}
        </form>
      )}
    </section>
  );
}

function Blocked() {
  const c = chats.value!;
  const list = useSignal<{ channel: string; address: string; name: string }[]>([]);
  const people = (r: Awaited<ReturnType<typeof c.engine.api.blocks>>) => r.blocks.map((b) => ({ channel: 'pchat', address: b.chat_address, name: b.display_name || b.chat_address }));
  const load = (): void => void c.engine.api.blocks().then((r) => (list.value = [...people(r), ...(r.outside ?? []).map((b) => ({ ...b, name: b.address }))]), () => undefined);
  useEffect(load, []);
  return (
    <section>
      <h3 class="small-head">{t('block.list')}</h3>
      {list.value.length === 0 && <p class="field-hint">{t('block.none')}</p>}
      <ul class="plain">
        {list.value.map((b) => (
          <li key={b.channel + b.address} class="row-line">
            <Avatar name={b.name} address={b.address} size="small" icon={channelIcon[b.channel]} />
            <One class="grow">{plainName(b.name)}</One>
            <Button onClick={() => void attempt(() => c.engine.block(b.channel, b.address, false)).then(load)}>{t('unblock')}</Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export async function exportAll(): Promise<void> {
  const c = chats.peek()!;
  const pages: unknown[] = [];
  let head: Record<string, unknown> = {};
  let after: string | undefined;
  do {
    const page = await c.engine.api.exportPage(after);
    if (!after) head = page as unknown as Record<string, unknown>;
    pages.push(...page.messages);
    after = page.has_more ? page.after : undefined;
  } while (after);
  const here = await c.engine.store.message.all();
  const out = { relay: c.engine.session.relay, exported_at: Date.now(), on_the_relay: { ...head, messages: pages, has_more: undefined, after: undefined }, on_this_device: { chats: [...c.engine.inbox.chats.values()], messages: here.sort((a, b) => a.at - b.at) } };
  saveBlob(`webchat-${c.engine.me}.json`, new Blob([JSON.stringify(out, null, 1)], { type: 'application/json' }));
}

function ArchivePart() {
  const c = chats.value!;
  const busy = useSignal(false);
  const picker = useRef<HTMLInputElement>(null);
  const work = async (what: () => Promise<unknown>): Promise<void> => {
    busy.value = true;
    await attempt(what);
    busy.value = false;
  };
  const make = (): Promise<void> =>
    work(async () => {
      const { blob, key } = await makeArchive(c.engine.store);
      saveBlob(`webchat-history-${c.engine.me}.webchat`, blob);
      await openDialog((close) => (
        <>
          <DialogHead title={t('archive.key')} onClose={() => close()} closeLabel={t('close')} />
          <div class="dialog-text stack">
            <p>{t('archive.keyText')}</p>
            <code class="archive-key" dir="ltr">
              {key}
            </code>
          </div>
          <div class="dialog-foot">
            <Button icon="copy" onClick={() => void copyText(key)}>
              {t('copy')}
            </Button>
            <Button kind="main" onClick={() => close()}>
              {t('done')}
            </Button>
          </div>
        </>
      ));
    });
  const bring = async (file: File): Promise<void> => {
    const key = await openDialog<string>((close) => <ArchiveKey close={close} />);
    if (!key) return;
    await work(async () => {
      const n = await readArchive(c.engine.store, file, key);
      await c.engine.inbox.load();
      c.engine.emit('chats', [...c.engine.inbox.chats.values()]);
      toast(t('archive.brought', { n }));
    });
  };
  return (
    <section class="stack">
      <h3 class="small-head">{t('archive.head')}</h3>
      <p class="field-hint">{t('archive.about')}</p>
      {canLock() ? (
        <div class="row-line wrap">
          <Button icon="download" busy={busy.value} onClick={() => void make()}>
            {t('archive.make')}
          </Button>
          <Button icon="archive-restore" busy={busy.value} onClick={() => picker.current!.click()}>
            {t('archive.bring')}
          </Button>
          <input
            ref={picker}
            type="file"
            hidden
            accept=".webchat"
            onChange={(e) => {
              const f = e.currentTarget.files?.[0];
              e.currentTarget.value = '';
              if (f) void bring(f);
            }}
          />
        </div>
      ) : (
        <p class="field-hint">{t('lock.insecure')}</p>
      )}
      <Button icon="file-text" busy={busy.value} onClick={() => void work(exportAll)}>
        {t('export')}
      </Button>
    </section>
  );
}

function ArchiveKey({ close }: { close: (key?: string) => void }) {
  const key = useSignal('');
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        close(key.value);
      }}
    >
      <DialogHead title={t('archive.bring')} onClose={() => close()} closeLabel={t('close')} />
      <div class="dialog-text stack">
        <Field id="archive-key" label={t('archive.enterKey')} autofocus dir="ltr" value={key.value} spellcheck={false} autocapitalize="characters" onInput={(e) => (key.value = e.currentTarget.value)} />
      </div>
      <div class="dialog-foot">
        <Button kind="main" type="submit">
          {t('archive.bring')}
        </Button>
      </div>
    </form>
  );
}

/** Three ways to leave, told apart. */
export function Leave() {
  const c = chats.value!;
  const typed = useSignal('');
  const error = useSignal('');
  const busy = useSignal(false);
  const erase = async (): Promise<void> => {
    busy.value = true;
    try {
      await eraseAccount();
    } catch (e) {
      error.value = sentence(e);
      busy.value = false;
    }
  };
  void accountsOf;
  return (
    <>
      <section class="card stack">
        <h3 class="title">{t('signOut')}</h3>
        <p>{t('leave.signOutText')}</p>
        <Button icon="log-out" onClick={() => void ask({ title: t('signOut'), text: t('leave.signOutText'), yes: t('signOut'), no: t('cancel'), bad: true }).then((yes) => void (yes && signOut()))}>
          {t('signOut')}
        </Button>
      </section>
      <section class="card stack">
        <h3 class="title">{t('leave.forget')}</h3>
        <p>{t('leave.forgetText')}</p>
        <Button icon="trash-2" onClick={() => void ask({ title: t('leave.forget'), text: t('leave.forgetText'), yes: t('leave.forget'), no: t('cancel'), bad: true }).then((yes) => void (yes && forgetDevice()))}>
          {t('leave.forget')}
        </Button>
      </section>
      <section class="card stack bad-card">
        <h3 class="title">{t('leave.erase')}</h3>
        <p>{t('leave.eraseText')}</p>
        <Button icon="file-text" onClick={() => void attempt(exportAll)}>
          {t('export')}
        </Button>
        <Field id="erase-address" label={t('leave.type', { address: c.engine.me })} dir="ltr" value={typed.value} error={error.value} spellcheck={false} autocapitalize="none" autoComplete="off" onInput={(e) => (typed.value = e.currentTarget.value)} />
        <Button kind="bad" icon="trash-2" busy={busy.value} disabled={typed.value.trim().replace(/^@/, '') !== c.engine.me} onClick={() => void erase()}>
          {t('leave.erase')}
        </Button>
      </section>
    </>
  );
}
