// What an admin of the relay does without a shell: who asks to come in, people, what was done.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { plainName } from '../base/text';
import { fullTime, hasKey, number, t, whenShort, type Key } from '../i18n';
import { back, chats, go, place } from '../state/app';
import type { AccessRequest, AdminUser, AuditEntry } from '../wire/api';
import { Icon } from '../ui/icon';
import { openMenu, type MenuItem } from '../ui/menu';
import { Avatar, Button, Empty, One } from '../ui/parts';
import { ask } from '../ui/dialog';
import { InviteLinks } from './invite-links';
import { PageHead } from './page-head';
import { attempt, sentence } from './trouble';

const tabs = ['requests', 'invites', 'people', 'figures', 'audit'] as const;

export function Admin() {
  const tab = (place.value.page!.split('/')[1] as (typeof tabs)[number] | undefined) ?? 'requests';
  return (
    <main class="talk page" aria-label={t('admin.title')}>
      <PageHead title={t('admin.title')} onBack={back} />
      <div class="chips" role="tablist" aria-label={t('admin.title')}>
        {tabs.map((x) => (
          <button key={x} type="button" role="tab" class="chip" aria-selected={tab === x} aria-controls="admin-body" onClick={() => go({ page: `admin/${x}` }, true)}>
            {t(`admin.${x}` as Key)}
          </button>
        ))}
      </div>
      <div class="page-body" id="admin-body" role="tabpanel" aria-label={t(`admin.${tab}` as Key)}>
        {tab === 'requests' && <Requests />}
        {tab === 'invites' && <InviteLinks group={null} />}
        {tab === 'people' && <People />}
        {tab === 'figures' && <Figures />}
        {tab === 'audit' && <Audit />}
      </div>
    </main>
  );
}

function Requests() {
  const e = chats.value!.engine;
  const list = useSignal<AccessRequest[] | null>(null);
  const error = useSignal('');
  const load = (): void => void e.api.accessRequests().then((r) => (list.value = r.requests), (x) => (error.value = sentence(x)));
  useEffect(load, []);
  const decide = async (r: AccessRequest, yes: boolean): Promise<void> => {
    await attempt(() => e.api.decideAccess(r.request_id, yes));
    load();
  };
  const open = list.value?.filter((r) => r.status === 'pending') ?? [];
  return (
    <>
      {error.value && <p class="notice bad">{error.value}</p>}
      {list.value && open.length === 0 && <Empty icon="mail-open" title={t('admin.noRequests')} />}
      <ul class="plain">
        {open.map((r) => (
          <li key={r.request_id} class="card stack">
            <p class="title one">
              <bdi>{r.email}</bdi>
            </p>
            <p class="quiet-text">
              {r.display_name && <bdi>{plainName(r.display_name)} · </bdi>}
              {whenShort(r.created_at)}
            </p>
            <div class="row-line end">
              <Button onClick={() => void decide(r, false)}>{t('act.deny')}</Button>
              <Button kind="main" onClick={() => void decide(r, true)}>
                {t('act.approve')}
              </Button>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

function People() {
  const e = chats.value!.engine;
  const list = useSignal<AdminUser[]>([]);
  const more = useSignal<string | undefined>(undefined);
  const q = useSignal('');
  const error = useSignal('');
  const load = async (after?: string): Promise<void> => {
    try {
      const page = await e.api.adminUsers({ q: q.peek().trim(), after });
      list.value = after ? [...list.peek(), ...page.users] : page.users;
      more.value = page.has_more ? page.after : undefined;
    } catch (x) {
      error.value = sentence(x);
    }
  };
  useEffect(() => {
    const timer = setTimeout(() => void load(), q.value ? 250 : 0);
    return () => clearTimeout(timer);
  }, [q.value]);
  const act = async (u: AdminUser, action: string): Promise<void> => {
    if (action === 'block' && !(await ask({ title: t('admin.block'), text: t('admin.blockText', { name: u.display_name || u.chat_address }), yes: t('admin.block'), no: t('cancel'), bad: true }))) return;
    await attempt(async () => {
      const { user } = await e.api.adminAct(u.chat_address, action);
      list.value = list.peek().map((x) => (x.chat_address === user.chat_address ? user : x));
    });
  };
  const actions = (u: AdminUser): MenuItem[] => [
    u.role === 'admin' ? { label: t('admin.demote'), icon: 'user', run: () => void act(u, 'demote') } : { label: t('admin.promote'), icon: 'crown', run: () => void act(u, 'promote') },
    u.hidden ? { label: t('admin.unhide'), icon: 'eye', run: () => void act(u, 'unhide') } : { label: t('admin.hide'), icon: 'eye-off', run: () => void act(u, 'hide') },
    u.blocked ? { label: t('unblock'), icon: 'circle-check', run: () => void act(u, 'unblock') } : { label: t('admin.block'), icon: 'ban', bad: true, run: () => void act(u, 'block') },
  ];
  return (
    <>
      <label class="search">
        <Icon name="search" small />
        <span class="hidden">{t('directory.search')}</span>
        <input type="search" placeholder={t('directory.search')} value={q.value} onInput={(ev) => (q.value = ev.currentTarget.value)} />
      </label>
      {error.value && <p class="notice bad">{error.value}</p>}
      <ul class="plain">
        {list.value.map((u) => (
          <li key={u.chat_address}>
            <button type="button" class="row-button" aria-haspopup="menu" onClick={(ev) => openMenu(ev.currentTarget, u.chat_address, actions(u))}>
              <Avatar name={u.display_name || u.chat_address} address={u.chat_address} size="mid" />
              <span class="grow">
                <One class="block title">{plainName(u.display_name || u.chat_address)}</One>
                <One class="block quiet-text">
                  {u.email}, @{u.chat_address}
                </One>
              </span>
              {u.role === 'admin' && <span class="pill main">{t('role.admin')}</span>}
              {u.hidden && <span class="pill">{t('admin.hidden')}</span>}
              {u.blocked && <span class="pill bad">{t('blocked')}</span>}
            </button>
          </li>
        ))}
      </ul>
      {more.value && <Button onClick={() => void load(more.value)}>{t('showMore')}</Button>}
    </>
  );
}

function Figures() {
  const e = chats.value!.engine;
  const stats = useSignal<Record<string, number> | null>(null);
  useEffect(() => void e.api.stats().then((s) => (stats.value = s), () => undefined), []);
  return (
    <dl class="figures">
      {Object.entries(stats.value ?? {})
        .filter(([k, v]) => typeof v === 'number' && hasKey(`stat.${k}`))
        .map(([k, v]) => (
          <div key={k} class="figure">
            <dt>{t(`stat.${k}` as Key)}</dt>
            <dd>{number(v)}</dd>
          </div>
        ))}
    </dl>
  );
}

function Audit() {
  const e = chats.value!.engine;
  const list = useSignal<AuditEntry[]>([]);
  const more = useSignal<string | undefined>(undefined);
  const load = async (after?: string): Promise<void> => {
    const page = await e.api.audit(after);
    list.value = after ? [...list.peek(), ...page.entries] : page.entries;
    more.value = page.has_more ? page.after : undefined;
  };
  useEffect(() => void load().catch(() => undefined), []);
  return (
    <>
      <ul class="plain">
        {list.value.map((x, i) => (
          <li key={i} class="row-line card-line">
            <span class="grow">
              <One class="block">
                <bdi>{x.actor}</bdi>: {x.action} <bdi>{x.target}</bdi>
              </One>
            </span>
            <span class="quiet-text" title={fullTime(x.at)}>
              {whenShort(x.at)}
            </span>
          </li>
        ))}
      </ul>
      {more.value && <Button onClick={() => void load(more.value)}>{t('showMore')}</Button>}
    </>
  );
}
