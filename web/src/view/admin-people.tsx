// Accounts as an admin of the relay sees them: what they may, where they are signed in, and their end.
import { useSignal } from '@preact/signals';
import { plainName } from '../base/text';
import { dateOf, t, whenShort } from '../i18n';
import { chats } from '../state/app';
import { adminApi, type AdminUser } from '../wire/admin';
import type { SessionInfo } from '../wire/api';
import { ask, DialogHead, openDialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { openMenu, type MenuItem } from '../ui/menu';
import { Avatar, Button, Empty, Field, One } from '../ui/parts';
import { toast } from '../ui/toast';
import { Pages, usePagesOf } from './pages-of';
import { attempt, sentence } from './trouble';

const nameOf = (u: AdminUser): string => plainName(u.display_name || u.chat_address);

export function SearchField({ label, value, onValue }: { label: string; value: string; onValue: (v: string) => void }) {
  return (
    <label class="search">
      <Icon name="search" small />
      <span class="hidden">{label}</span>
      <input type="search" placeholder={label} value={value} maxLength={64} onInput={(ev) => onValue(ev.currentTarget.value)} />
    </label>
  );
}

export function People() {
  const e = chats.value!.engine;
  const api = adminApi(e.api.relay);
  const q = useSignal('');
  const pages = usePagesOf(
    (after) => api.users({ q: q.peek().trim(), after }).then((r) => ({ list: r.users, after: r.after })),
    q.value.trim(),
  );
  const replace = (u: AdminUser): void => pages.change((pages.list ?? []).map((x) => (x.chat_address === u.chat_address ? u : x)));
  const act = async (u: AdminUser, action: string): Promise<void> => {
    if (action === 'block' && !(await ask({ title: t('admin.block'), text: t('admin.blockText', { name: nameOf(u) }), yes: t('admin.block'), no: t('cancel'), bad: true }))) return;
    await attempt(async () => replace((await api.act(u.chat_address, action)).user));
  };
  const remove = async (u: AdminUser): Promise<void> => {
    if (!(await confirmed(u))) return;
    toast(t('admin.deleted', { name: nameOf(u) }));
    await pages.load();
  };
  const actions = (u: AdminUser): MenuItem[] => [
    { label: t('admin.sessions'), icon: 'laptop', run: () => void openDialog((close) => <SessionsOf user={u} close={() => close()} />) },
    u.role === 'admin' ? { label: t('admin.demote'), icon: 'user', run: () => void act(u, 'demote') } : { label: t('admin.promote'), icon: 'crown', run: () => void act(u, 'promote') },
    u.hidden ? { label: t('admin.unhide'), icon: 'eye', run: () => void act(u, 'unhide') } : { label: t('admin.hide'), icon: 'eye-off', run: () => void act(u, 'hide') },
    u.blocked ? { label: t('unblock'), icon: 'circle-check', run: () => void act(u, 'unblock') } : { label: t('admin.block'), icon: 'ban', bad: true, run: () => void act(u, 'block') },
    // one's own account ends in the settings
    ...(u.chat_address === e.me ? [] : [{ label: t('admin.delete'), icon: 'trash-2', bad: true, line: true, run: () => void remove(u) } satisfies MenuItem]),
  ];
  return (
    <>
      <SearchField label={t('admin.searchUsers')} value={q.value} onValue={(v) => (q.value = v)} />
      <Pages of={pages} empty={<Empty icon="users" title={t('directory.none')} />}>
        {(list) => (
          <ul class="plain" aria-busy={pages.busy}>
            {list.map((u) => (
              <li key={u.chat_address}>
                <button type="button" class="row-button" aria-haspopup="menu" onClick={(ev) => openMenu(ev.currentTarget, u.chat_address, actions(u))}>
                  <Avatar name={u.display_name || u.chat_address} address={u.chat_address} size="mid" />
                  <span class="grow">
                    <One class="block title">{nameOf(u)}</One>
                    <One class="block quiet-text">{u.email}</One>
                    <span class="block quiet-text">
                      <bdi>@{u.chat_address}</bdi>
                      {u.last_seen_at ? ` · ${t('admin.seen', { when: whenShort(u.last_seen_at) })}` : ''}
                    </span>
                  </span>
                  <span class="pills">
                    {u.role === 'admin' && <span class="pill main">{t('role.admin')}</span>}
                    {u.hidden && <span class="pill">{t('admin.hidden')}</span>}
                    {u.blocked && <span class="pill bad">{t('blocked')}</span>}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </Pages>
    </>
  );
}

const sessionName = (s: SessionInfo): string => [s.device_name, s.session_name].filter(Boolean).map(plainName).join(', ') || t('sessions.unnamed');

function SessionsOf({ user, close }: { user: AdminUser; close: () => void }) {
  const api = adminApi(chats.value!.engine.api.relay);
  const pages = usePagesOf((after) => api.sessions(user.chat_address, after).then((r) => ({ list: r.sessions, after: r.after })));
  const end = async (s: SessionInfo): Promise<void> => {
    if (!(await ask({ title: t('sessions.revoke'), text: t('sessions.revokeText', { name: sessionName(s) }), yes: t('sessions.revoke'), no: t('cancel'), bad: true }))) return;
    if (await attempt(() => api.endSession(user.chat_address, s.session_id))) await pages.load();
  };
  const endAll = async (): Promise<void> => {
    if (!(await ask({ title: t('admin.endAll'), text: t('admin.endAllText', { name: nameOf(user) }), yes: t('admin.endAll'), no: t('cancel'), bad: true }))) return;
    await attempt(async () => {
      const { revoked } = await api.endSessions(user.chat_address);
      toast(t('sessions.allDone', { n: revoked }));
      await pages.load();
    });
  };
  return (
    <>
      <DialogHead title={t('admin.sessionsOf', { name: nameOf(user) })} onClose={close} closeLabel={t('close')} />
      <Pages of={pages} empty={<p class="quiet-text">{t('admin.noSessions')}</p>}>
        {(list) => (
          <ul class="plain">
            {list.map((s) => (
              <li key={s.session_id} class="row-line card-line">
                <Icon name={/Android|iOS/.test(s.device_name) ? 'smartphone' : 'laptop'} />
                <span class="grow">
                  <span class="block title said" dir="auto">
                    {sessionName(s)}
                  </span>
                  <span class="quiet-text block">{s.current ? t('sessions.this') : t('sessions.seen', { when: whenShort(s.last_seen_at), since: dateOf(s.created_at) })}</span>
                </span>
                <Button aria-label={`${t('sessions.revoke')}: ${sessionName(s)}`} onClick={() => void end(s)}>
                  {t('sessions.revoke')}
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Pages>
      <div class="dialog-foot">
        <Button kind="bad" icon="log-out" onClick={() => void endAll()}>
          {t('admin.endAll')}
        </Button>
      </div>
    </>
  );
}

/** Asked twice, the second time for the address itself; true: the account is gone. */
async function confirmed(u: AdminUser): Promise<boolean> {
  const text = (
    <div class="stack">
      <p>{t('admin.deleteText', { name: nameOf(u) })}</p>
      <ul class="goes">
        {(['admin.deleteAccount', 'admin.deleteSessions', 'admin.deleteMessages', 'admin.deleteGroups'] as const).map((key) => (
          <li key={key}>{t(key)}</li>
        ))}
      </ul>
      <p>{t('admin.deleteStays')}</p>
      <p class="bad-line">
        <Icon name="circle-alert" small />
        {t('admin.noUndo')}
      </p>
    </div>
  );
  if (!(await ask({ title: t('admin.delete'), text, yes: t('admin.goOn'), no: t('cancel'), bad: true }))) return false;
  return (await openDialog<boolean>((close) => <TypeToDelete user={u} close={close} />)) === true;
}

function TypeToDelete({ user, close }: { user: AdminUser; close: (gone?: boolean) => void }) {
  const api = adminApi(chats.value!.engine.api.relay);
  const typed = useSignal('');
  const error = useSignal('');
  const busy = useSignal(false);
  const fits = typed.value.trim().replace(/^@/, '') === user.chat_address;
  const remove = async (ev: Event): Promise<void> => {
    ev.preventDefault();
    if (!fits || busy.peek()) return;
    busy.value = true;
    try {
      await api.removeUser(user.chat_address);
      close(true);
    } catch (x) {
      error.value = sentence(x);
      busy.value = false;
    }
  };
  return (
    <form onSubmit={(ev) => void remove(ev)}>
      <DialogHead title={t('admin.delete')} />
      <Field id="delete-address" label={t('admin.type', { address: user.chat_address })} hint={t('admin.noUndo')} error={error.value} dir="ltr" autofocus value={typed.value} spellcheck={false} autocapitalize="none" autoComplete="off" onInput={(ev) => (typed.value = ev.currentTarget.value)} />
      <div class="dialog-foot">
        <Button kind="quiet" onClick={() => close(false)}>
          {t('cancel')}
        </Button>
        <Button kind="bad" icon="trash-2" type="submit" busy={busy.value} disabled={!fits}>
          {t('admin.deleteYes')}
        </Button>
      </div>
    </form>
  );
}
