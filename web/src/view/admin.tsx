// What an admin of the relay does without a shell: who asks to come in, users, groups, figures, health, what was done.
import '../ui/icons-more';
import { useEffect, useRef } from 'preact/hooks';
import { plainName } from '../base/text';
import { fullTime, t, whenShort, type Key } from '../i18n';
import { back, chats, go, place } from '../state/app';
import { adminApi, type AccessRequest } from '../wire/admin';
import { Button, Empty } from '../ui/parts';
import { Figures } from './admin-figures';
import { Groups } from './admin-groups';
import { HealthOfRelay } from './admin-health';
import { People } from './admin-people';
import { InviteLinks } from './invite-links';
import { PageHead } from './page-head';
import { Pages, usePagesOf } from './pages-of';
import { attempt } from './trouble';

const tabs = ['requests', 'people', 'invites', 'groups', 'figures', 'health', 'audit'] as const;
type Tab = (typeof tabs)[number];

/** Arrows walk among the tabs, the way they stand. */
function walk(ev: KeyboardEvent, now: Tab): void {
  const forth = document.documentElement.dir === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
  const at = tabs.indexOf(now);
  const to = { [forth]: at + 1, [forth === 'ArrowLeft' ? 'ArrowRight' : 'ArrowLeft']: at - 1, Home: 0, End: tabs.length - 1 }[ev.key];
  if (to === undefined || ev.ctrlKey || ev.metaKey || ev.altKey) return;
  ev.preventDefault();
  const next = tabs[(to + tabs.length) % tabs.length]!;
  go({ page: `admin/${next}` }, true);
  (ev.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus();
}

export function Admin() {
  const tab = tabs.find((x) => x === place.value.page!.split('/')[1]) ?? 'requests';
  const row = useRef<HTMLDivElement>(null);
  // also of those that do not fit beside each other the chosen one is to be seen
  useEffect(() => row.current!.querySelector(`[data-tab="${tab}"]`)!.scrollIntoView({ block: 'nearest', inline: 'center' }), [tab]);
  return (
    <main class="talk page" aria-label={t('admin.title')}>
      <PageHead title={t('admin.title')} onBack={back} />
      <div ref={row} class="chips" role="tablist" aria-label={t('admin.title')} onKeyDown={(ev) => walk(ev, tab)}>
        {tabs.map((x) => (
          <button key={x} type="button" role="tab" class="chip" data-tab={x} aria-selected={tab === x} tabIndex={tab === x ? 0 : -1} aria-controls="admin-body" onClick={() => go({ page: `admin/${x}` }, true)}>
            {t(`admin.${x}` as Key)}
          </button>
        ))}
      </div>
      <div key={tab} class="page-body" id="admin-body" role="tabpanel" aria-label={t(`admin.${tab}` as Key)}>
        {tab === 'requests' && <Requests />}
        {tab === 'people' && <People />}
        {tab === 'invites' && <InviteLinks group={null} />}
        {tab === 'groups' && <Groups />}
        {tab === 'figures' && <Figures />}
        {tab === 'health' && <HealthOfRelay />}
        {tab === 'audit' && <Audit />}
      </div>
    </main>
  );
}

function Requests() {
  const api = adminApi(chats.value!.engine.api.relay);
  const pages = usePagesOf(() => api.requests().then((r) => ({ list: r.requests.filter((x) => x.status === 'pending') })));
  const decide = async (r: AccessRequest, yes: boolean): Promise<void> => {
    await attempt(() => api.decide(r.request_id, yes));
    await pages.load();
  };
  return (
    <Pages of={pages} empty={<Empty icon="mail-open" title={t('admin.noRequests')} />}>
      {(list) => (
        <ul class="plain stack">
          {list.map((r) => (
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
      )}
    </Pages>
  );
}

/** What the audit log calls a deed, as the screens call it. */
const deeds: Record<string, Key> = {
  promote: 'admin.promote', demote: 'admin.demote', block: 'admin.block', unblock: 'unblock', hide: 'admin.hide', unhide: 'admin.unhide', delete: 'admin.delete',
  logout: 'admin.endAll', 'end-session': 'admin.endSession', 'delete-group': 'group.delete', invite: 'invite.make', 'revoke-invite': 'invite.revoke', 'approve-access': 'act.approve', 'deny-access': 'act.deny',
};

function Audit() {
  const api = adminApi(chats.value!.engine.api.relay);
  const pages = usePagesOf((after) => api.audit(after).then((r) => ({ list: r.entries, after: r.after })));
  return (
    <Pages of={pages} empty={<Empty icon="scroll-text" title={t('admin.noDeeds')} />}>
      {(list) => (
        <ul class="plain">
          {list.map((x, i) => (
            <li key={i} class="row-line card-line">
              <span class="grow said">
                <bdi class="title">{x.actor}</bdi>: {deeds[x.action] ? t(deeds[x.action]!) : <bdi>{x.action}</bdi>} <bdi class="quiet-text">{x.target}</bdi>
              </span>
              <span class="quiet-text" title={fullTime(x.at)}>
                {whenShort(x.at)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Pages>
  );
}
