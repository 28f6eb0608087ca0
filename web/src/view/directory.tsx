// Finding people and groups, and making a group.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { addressPattern } from '../base/rules';
import { handleOf, plainName } from '../base/text';
import { t } from '../i18n';
import { back, chats, go, place } from '../state/app';
import type { DirectoryUser, Group } from '../wire/api';
import { useHeld } from '../ui/held';
import { Icon } from '../ui/icon';
import { Avatar, Button, Choice, Empty, Field, Hidden, One } from '../ui/parts';
import { rove } from '../ui/roving';
import { PageHead } from './page-head';
import { attempt, sentence } from './trouble';
import { toast } from '../ui/toast';
import { Lazy } from './lazy';

export async function openPerson(address: string, name: string): Promise<void> {
  const c = chats.peek()!;
  const key = address === c.engine.me ? 'self' : `pchat:${address}`;
  if (!c.engine.inbox.chats.has(key)) {
    // who is hidden, or not here, stays an address: writing to them says what is wrong
    const title = name || (await c.engine.api.user(address).then((u) => u.display_name, () => ''));
    await c.engine.changeChat(key, { title: title || address });
  }
  go({ chat: key });
}

async function enter(g: Group): Promise<string> {
  const c = chats.peek()!;
  if (g.role) {
    await c.engine.inbox.group(g.group_id, g);
    go({ chat: g.group_id });
    return '';
  }
  let said = '';
  await attempt(async () => {
    const { status } = await c.engine.api.join(g.group_id);
    said = status;
    if (status === 'member') {
      await c.engine.refreshGroup(g.group_id);
      go({ chat: g.group_id });
    } else toast(t('group.asked', { name: plainName(g.name) }));
  });
  return said;
}

export function GroupRow({ g, asked, onAsk }: { g: Group; asked: boolean; onAsk: () => void }) {
  return (
    <li>
      <button type="button" class="row-button" onClick={() => void enter(g).then((s) => s === 'requested' && onAsk())}>
        <Avatar name={g.name} address={g.group_id} shape="group" size="mid" />
        <span class="grow">
          <One class="block title">{plainName(g.name)}</One>
          <span class="in-line quiet-text">
            <span>
              {g.mode === 'stream' ? `${t('group.stream')}, ` : ''}
              {t('group.members', { n: g.member_count })}
            </span>
            {g.description && <One class="grow">{g.description.replace(/\s+/g, ' ')}</One>}
          </span>
        </span>
        <span class={`pill${g.role ? '' : ' main'}`}>{g.role ? t('open') : asked || g.my_request ? t('asked') : g.join_policy === 'open' ? t('join') : t('askToJoin')}</span>
      </button>
    </li>
  );
}

export function Directory() {
  const c = chats.value!;
  const q = useSignal('');
  const users = useSignal<DirectoryUser[] | null>(null);
  const groups = useSignal<Group[]>([]);
  const more = useSignal<string | undefined>(undefined);
  const error = useSignal('');
  const asked = useSignal<Set<string>>(new Set());
  const sub = place.value.page!.split('/')[1];

  const load = async (after?: string): Promise<void> => {
    const query = q.peek();
    const isOld = (): boolean => query !== q.peek(); // the answer to what is typed by now may be there already
    try {
      const page = await c.engine.api.directory({ q: query.trim().replace(/^@/, ''), after, limit: 50 });
      if (isOld()) return;
      users.value = after ? [...(users.peek() ?? []), ...page.users] : page.users;
      if (!after) groups.value = page.groups;
      more.value = page.has_more ? page.after : undefined;
      error.value = '';
    } catch (e) {
      if (!isOld()) error.value = sentence(e);
    }
  };
  useEffect(() => {
    const timer = setTimeout(() => void load(), q.value ? 250 : 0);
    return () => clearTimeout(timer);
  }, [q.value]);

  const found = useHeld(users.value);
  const foundGroups = useHeld(groups.value);

  if (sub === 'group') return <NewGroup />;
  if (sub === 'outside') return <Lazy load={() => import('./outside')} pick={(m) => m.NewOutside} />;
  const people = (found ?? []).filter((u) => u.chat_address !== c.engine.me).sort((a, b) => Number(b.online) - Number(a.online));
  const exact = q.value.trim().replace(/^@/, '').toLowerCase();
  const isDirect = addressPattern.test(exact) && !people.some((u) => u.chat_address === exact) && exact !== c.engine.me;
  return (
    <main class="talk page" aria-label={t('newChat')}>
      <PageHead title={t('newChat')} onBack={back} />
      <div class="page-body" onKeyDown={(e) => rove(e, '.row-button')}>
        <label class="search">
          <Icon name="search" small />
          <span class="hidden">{t('directory.search')}</span>
          <input
            type="search"
            placeholder={t('directory.search')}
            autofocus
            value={q.value}
            onInput={(e) => (q.value = e.currentTarget.value)}
            ref={(el) => {
              if (el && !el.dataset['seen']) {
                el.dataset['seen'] = '1';
                el.focus();
              }
            }}
            onKeyDown={(e) => {
              if (e.key === 'ArrowDown') {
                e.preventDefault();
                document.querySelector<HTMLElement>('.page-body .row-button')?.focus();
              }
            }}
          />
        </label>
        {!q.value && (
          <ul class="plain">
            <li>
              <button type="button" class="row-button" onClick={() => go({ page: 'directory/group' })}>
                <span class="avatar mid group plain-avatar">
                  <Icon name="users" />
                </span>
                <span class="grow title">{t('group.create')}</span>
              </button>
            </li>
            {c.config.value?.features['phone_bridge'] !== false && (
              <li>
                <button type="button" class="row-button" onClick={() => go({ page: 'directory/outside' })}>
                  <span class="avatar mid plain-avatar">
                    <Icon name="smartphone" />
                  </span>
                  <span class="grow title">{t('outside.new')}</span>
                </button>
              </li>
            )}
            <li>
              <button type="button" class="row-button" onClick={() => void openPerson(c.engine.me, '')}>
                <span class="avatar mid group plain-avatar">
                  <Icon name="bookmark" />
                </span>
                <span class="grow title">{t('saved')}</span>
              </button>
            </li>
          </ul>
        )}
        {error.value && (
          <p class="notice bad" role="alert">
            <span class="grow">{error.value}</span>
            <button type="button" class="text-button" onClick={() => void load()}>
              {t('tryAgain')}
            </button>
          </p>
        )}
        <h3 class="small-head">{t('directory.people')}</h3>
        {found === null && !error.value && <div class="skeleton rows-wait" aria-busy="true" />}
        <ul class="plain">
          {people.map((u) => (
            <li key={u.chat_address}>
              <button type="button" class="row-button" data-person={u.chat_address} onClick={() => void openPerson(u.chat_address, u.display_name)}>
                <Avatar name={u.display_name || u.chat_address} address={u.chat_address} size="mid" online={u.online} />
                <span class="grow">
                  <One class="block title">{plainName(u.display_name || u.chat_address)}</One>
                  <span class="in-line quiet-text">
                    <span>{handleOf(u.chat_address)}</span>
                    {u.sessions.length > 0 && (
                      <One class="grow">{u.sessions.map((s) => [s.device_name, s.session_name].filter(Boolean).join(', ')).join(' · ')}</One>
                    )}
                  </span>
                </span>
                {u.online && (
                  <span class="quiet-text">
                    {t('online')}
                    <Hidden>.</Hidden>
                  </span>
                )}
              </button>
            </li>
          ))}
          {isDirect && (
            <li>
              <button type="button" class="row-button" onClick={() => void openPerson(exact, '')}>
                <Avatar name={exact} address={exact} size="mid" />
                <span class="grow">{t('directory.write', { address: handleOf(exact) })}</span>
              </button>
            </li>
          )}
        </ul>
        {found && people.length === 0 && !isDirect && (
          <Empty icon="users" title={t('directory.none')}>
            <p>{t('directory.noneText')}</p>
          </Empty>
        )}
        {more.value && <Button onClick={() => void load(more.value)}>{t('showMore')}</Button>}
        {foundGroups.length > 0 && (
          <>
            <h3 class="small-head">{t('directory.groups')}</h3>
            <ul class="plain">
              {foundGroups.map((g) => (
                <GroupRow key={g.group_id} g={g} asked={asked.value.has(g.group_id)} onAsk={() => (asked.value = new Set(asked.value).add(g.group_id))} />
              ))}
            </ul>
          </>
        )}
      </div>
    </main>
  );
}

function NewGroup() {
  const c = chats.value!;
  const name = useSignal('');
  const about = useSignal('');
  const visibility = useSignal<'private' | 'public'>('private');
  const mode = useSignal<'chat' | 'stream'>('chat');
  const policy = useSignal<'request' | 'open'>('request');
  const chosen = useSignal<Set<string>>(new Set());
  const error = useSignal('');
  const busy = useSignal(false);
  const people = [...c.people.value.values()].filter((u) => u.chat_address !== c.engine.me);
  const make = async (): Promise<void> => {
    if (!name.value.trim()) {
      error.value = t('err.groupName');
      return;
    }
    busy.value = true;
    try {
      const { group } = await c.engine.api.newGroup({ name: name.value.trim(), description: about.value.trim(), visibility: visibility.value, mode: mode.value, join_policy: policy.value });
      for (const a of chosen.value) await attempt(() => c.engine.api.addMember(group.group_id, a));
      await c.engine.refreshGroup(group.group_id);
      go({ chat: group.group_id });
    } catch (e) {
      error.value = sentence(e);
    } finally {
      busy.value = false;
    }
  };
  return (
    <main class="talk page" aria-label={t('group.create')}>
      <PageHead title={t('group.create')} onBack={back} always />
      <form
        class="page-body stack"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          void make();
        }}
      >
        <Field id="group-name" label={t('group.name')} autofocus maxLength={64} value={name.value} error={error.value} onInput={(e) => (name.value = e.currentTarget.value)} />
        <div class="field">
          <label for="group-about">{t('group.about')}</label>
          <textarea id="group-about" dir="auto" rows={2} maxLength={500} value={about.value} onInput={(e) => (about.value = e.currentTarget.value)} />
        </div>
        <Choice id="group-mode" label={t('group.mode')} value={mode.value} options={[['chat', t('group.modeChat')], ['stream', t('group.modeStream')]]} onChange={(v) => (mode.value = v)} />
        <Choice id="group-visibility" label={t('group.visibility')} value={visibility.value} options={[['private', t('group.private')], ['public', t('group.public')]]} onChange={(v) => (visibility.value = v)} />
        {visibility.value === 'public' && <Choice id="group-policy" label={t('group.policy')} value={policy.value} options={[['request', t('group.policyAsk')], ['open', t('group.policyOpen')]]} onChange={(v) => (policy.value = v)} />}
        {people.length > 0 && (
          <fieldset class="picks">
            <legend>{t('group.addPeople')}</legend>
            {people.map((u) => (
              <label key={u.chat_address} class="pick">
                <input
                  type="checkbox"
                  checked={chosen.value.has(u.chat_address)}
                  onChange={(e) => {
                    const next = new Set(chosen.value);
                    if (e.currentTarget.checked) next.add(u.chat_address);
                    else next.delete(u.chat_address);
                    chosen.value = next;
                  }}
                />
                <Avatar name={u.display_name || u.chat_address} address={u.chat_address} size="small" />
                <One class="grow">{plainName(u.display_name || u.chat_address)}</One>
              </label>
            ))}
          </fieldset>
        )}
        <div class="form-foot">
          <Button kind="main" type="submit" busy={busy.value}>
            {t('group.make')}
          </Button>
        </div>
      </form>
    </main>
  );
}
