// About a chat: a person, a group with its members, requests and rules; files; what this device keeps.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Chat } from '../base/model';
import { partsOf } from '../base/model';
import { handleOf, plainName } from '../base/text';
import { sizeOf, t, type Key } from '../i18n';
import { back, chats, go, linkHere, onePane, place } from '../state/app';
import type { JoinRequest, Member, Role } from '../wire/api';
import { ask, DialogHead, openDialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { openMenu, type MenuItem } from '../ui/menu';
import { Avatar, Button, Choice, Field, One, PaneTitle, Round } from '../ui/parts';
import { toast } from '../ui/toast';
import { chatActions } from './chat-actions';
import { copyText } from './copy';
import { openPerson } from './directory';
import { ChatAvatar, titleOf } from './list';
import { iconOf, saveFile } from './media';
import { attempt, sentence } from './trouble';
import { keepChoices } from './words';

const isBoss = (role?: string): boolean => role === 'owner' || role === 'admin';

function Requests({ chat }: { chat: Chat }) {
  const e = chats.value!.engine;
  const list = useSignal<JoinRequest[]>([]);
  const load = (): void => void e.api.joinRequests(chat.key).then((r) => (list.value = r.requests), () => undefined);
  useEffect(load, [chat.key, chat.members]);
  if (!list.value.length) return null;
  const decide = async (r: JoinRequest, yes: boolean): Promise<void> => {
    await attempt(() => e.api.decideJoin(chat.key, r.request_id, yes));
    load();
    void e.refreshGroup(chat.key);
  };
  return (
    <section>
      <h3 class="small-head">{t('group.requests', { n: list.value.length })}</h3>
      <ul class="plain">
        {list.value.map((r) => (
          <li key={r.request_id} class="row-line">
            <Avatar name={r.display_name || r.chat_address} address={r.chat_address} size="small" />
            <One class="grow">{plainName(r.display_name || r.chat_address)}</One>
            <Button onClick={() => void decide(r, false)}>{t('act.reject')}</Button>
            <Button kind="main" onClick={() => void decide(r, true)}>
              {t('act.approve')}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Members({ chat }: { chat: Chat }) {
  const c = chats.value!;
  const e = c.engine;
  const list = useSignal<Member[]>([]);
  const more = useSignal<string | undefined>(undefined);
  const load = async (after?: string): Promise<void> => {
    const page = await e.api.members(chat.key, after);
    list.value = after ? [...list.peek(), ...page.members] : page.members;
    more.value = page.has_more ? page.after : undefined;
  };
  useEffect(() => void load().catch(() => undefined), [chat.key, chat.members, chat.role]);
  const change = async (work: () => Promise<unknown>): Promise<void> => {
    await attempt(work);
    await load().catch(() => undefined);
    void e.refreshGroup(chat.key);
  };
  const roles: Role[] = chat.mode === 'stream' ? ['owner', 'admin', 'writer', 'member'] : ['owner', 'admin', 'member'];
  const actions = (m: Member): MenuItem[] => {
    const items: MenuItem[] = [{ label: t('message.write'), icon: 'message-circle', run: () => void openPerson(m.chat_address, m.display_name) }];
    const isOwner = chat.role === 'owner';
    for (const r of roles) {
      if (r === m.role) continue;
      const isAllowed = isOwner || (chat.role === 'admin' && (r === 'writer' || r === 'member') && (m.role === 'writer' || m.role === 'member'));
      if (!isAllowed || (m.chat_address === e.me && !isOwner)) continue;
      items.push({ label: t('group.makeRole', { role: t(`role.${r}` as Key) }), icon: r === 'owner' ? 'crown' : 'user', run: () => void handOver(m, r) });
    }
    if (m.chat_address !== e.me && (isOwner || (chat.role === 'admin' && (m.role === 'member' || m.role === 'writer')))) items.push({ label: t('group.remove'), icon: 'user-minus', bad: true, run: () => void change(() => e.api.removeMember(chat.key, m.chat_address)) });
    return items;
  };
  const handOver = async (m: Member, r: Role): Promise<void> => {
    if (r === 'owner' && !(await ask({ title: t('group.owner.title', { name: plainName(m.display_name || m.chat_address) }), text: t('group.owner.text'), yes: t('group.owner.do'), no: t('cancel') }))) return;
    await change(() => e.api.setRole(chat.key, m.chat_address, r));
  };
  const add = async (): Promise<void> => {
    const known = new Set(list.peek().map((m) => m.chat_address));
    const address = await openDialog<string>((close) => <AddPeople known={known} close={close} />);
    if (!address) return;
    await change(async () => {
      const { status } = await e.api.addMember(chat.key, address);
      if (status === 'invited') toast(t('group.invited', { name: plainName(c.nameOf(address)) }));
    });
  };
  return (
    <section>
      <div class="row-line">
        <h3 class="small-head grow">{t('group.members', { n: chat.members ?? list.value.length })}</h3>
        {isBoss(chat.role) && <Round icon="user-plus" label={t('group.add')} onClick={() => void add()} />}
      </div>
      <ul class="plain">
        {list.value.map((m) => (
          <li key={m.chat_address}>
            <button type="button" class="row-button" aria-haspopup="menu" onClick={(ev) => openMenu(ev.currentTarget, plainName(m.display_name || m.chat_address), actions(m))}>
              <Avatar name={m.display_name || m.chat_address} address={m.chat_address} size="small" online={c.isOnline(m.chat_address)} />
              <One class="grow">{m.chat_address === e.me ? t('you') : plainName(m.display_name || m.chat_address)}</One>
              {m.role !== 'member' && <span class="pill">{t(`role.${m.role}` as Key)}</span>}
            </button>
          </li>
        ))}
      </ul>
      {more.value && <Button onClick={() => void load(more.value)}>{t('showMore')}</Button>}
    </section>
  );
}

function AddPeople({ known, close }: { known: Set<string>; close: (address?: string) => void }) {
  const c = chats.value!;
  const q = useSignal('');
  const text = q.value.trim().replace(/^@/, '').toLowerCase();
  const people = [...c.people.value.values()].filter((u) => !known.has(u.chat_address) && u.chat_address !== c.engine.me && `${u.display_name} ${u.chat_address}`.toLowerCase().includes(text));
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        if (text) close(people[0]?.chat_address ?? text);
      }}
    >
      <DialogHead title={t('group.add')} onClose={() => close()} closeLabel={t('close')} />
      <div class="field">
        <input type="search" autofocus aria-label={t('directory.search')} placeholder={t('directory.search')} value={q.value} onInput={(e) => (q.value = e.currentTarget.value)} />
      </div>
      <ul class="plain scroll">
        {people.slice(0, 50).map((u) => (
          <li key={u.chat_address}>
            <button type="button" class="row-button" onClick={() => close(u.chat_address)}>
              <Avatar name={u.display_name || u.chat_address} address={u.chat_address} size="mid" />
              <span class="grow">
                <One class="block title">{plainName(u.display_name || u.chat_address)}</One>
                <span class="block quiet-text">{handleOf(u.chat_address)}</span>
              </span>
            </button>
          </li>
        ))}
        {text && !people.length && (
          <li>
            <button type="button" class="row-button" onClick={() => close(text)}>
              <Avatar name={text} address={text} size="mid" />
              <span class="grow">{handleOf(text)}</span>
            </button>
          </li>
        )}
      </ul>
    </form>
  );
}

function EditGroup({ chat, close }: { chat: Chat; close: () => void }) {
  const e = chats.value!.engine;
  const name = useSignal(chat.title);
  const about = useSignal(chat.description ?? '');
  const visibility = useSignal(chat.visibility ?? 'private');
  const mode = useSignal(chat.mode ?? 'chat');
  const policy = useSignal(chat.joinPolicy ?? 'request');
  const error = useSignal('');
  const save = async (): Promise<void> => {
    try {
      const { group } = await e.api.changeGroup(chat.key, { name: name.value.trim(), description: about.value.trim(), visibility: visibility.value, mode: mode.value, join_policy: policy.value });
      await e.refreshGroup(group.group_id);
      close();
    } catch (err) {
      error.value = sentence(err);
    }
  };
  return (
    <form
      noValidate
      onSubmit={(ev) => {
        ev.preventDefault();
        void save();
      }}
    >
      <DialogHead title={t('group.change')} onClose={close} closeLabel={t('close')} />
      <div class="dialog-text stack">
        <Field id="edit-name" label={t('group.name')} autofocus maxLength={64} value={name.value} error={error.value} onInput={(ev) => (name.value = ev.currentTarget.value)} />
        <div class="field">
          <label for="edit-about">{t('group.about')}</label>
          <textarea id="edit-about" dir="auto" rows={3} maxLength={500} value={about.value} onInput={(ev) => (about.value = ev.currentTarget.value)} />
        </div>
        <Choice id="edit-mode" label={t('group.mode')} value={mode.value} options={[['chat', t('group.modeChat')], ['stream', t('group.modeStream')]]} onChange={(v) => (mode.value = v)} />
        <Choice id="edit-visibility" label={t('group.visibility')} value={visibility.value} options={[['private', t('group.private')], ['public', t('group.public')]]} onChange={(v) => (visibility.value = v)} />
        <Choice id="edit-policy" label={t('group.policy')} value={policy.value} options={[['request', t('group.policyAsk')], ['open', t('group.policyOpen')]]} onChange={(v) => (policy.value = v)} />
      </div>
      <div class="dialog-foot">
        <Button kind="quiet" onClick={close}>
          {t('cancel')}
        </Button>
        <Button kind="main" type="submit">
          {t('save')}
        </Button>
      </div>
    </form>
  );
}

function Kept({ chat }: { chat: Chat }) {
  const e = chats.value!.engine;
  const files = useSignal<{ key: string; name: string; mime: string; size: number }[]>([]);
  useEffect(() => {
    void e.store.message.page(chat.key, null, 500).then((list) => {
      files.value = list.flatMap((m) => (m.withdrawn ? [] : (m.files ?? []).filter((f) => f.at === 'here'))).reverse().slice(0, 30);
    });
  }, [chat.key, chat.lastAt]);
  if (!files.value.length) return null;
  return (
    <section>
      <h3 class="small-head">{t('info.files')}</h3>
      <ul class="plain">
        {files.value.map((f) => (
          <li key={f.key}>
            <button type="button" class="row-button" onClick={() => void saveFile({ ...f, at: 'here' })}>
              <span class="kind">
                <Icon name={iconOf(f.mime)} small />
              </span>
              <One class="grow">{f.name}</One>
              <span class="quiet-text">{sizeOf(f.size)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Info() {
  const c = chats.value!;
  const e = c.engine;
  const key = place.value.chat!;
  const chat = c.chat(key).value;
  const { kind, address } = partsOf(key);
  const isGroup = kind === 'group';
    const leave = async (): Promise<void> => {
    if (!(await ask({ title: t('group.leave'), text: t('group.leaveText', { name: titleOf(chat) }), yes: t('group.leave'), no: t('cancel'), bad: true }))) return;
    if (await attempt(() => e.api.leave(key))) {
      await e.refreshGroup(key);
      toast(t('group.leftDone'));
    }
  };
  const remove = async (): Promise<void> => {
    if (!(await ask({ title: t('group.delete'), text: t('group.deleteText', { name: titleOf(chat) }), yes: t('group.delete'), no: t('cancel'), bad: true }))) return;
    if (await attempt(() => e.api.deleteGroup(key))) {
      await e.clearChat(key, true);
      go({});
    }
  };
  return (
    <div class="info" role={onePane.value ? 'main' : 'complementary'} aria-label={isGroup ? t('group.info') : t('info')}>
      <div class="talk-head page-head">
        <PaneTitle first={onePane.value} class="grow one">
          {isGroup ? t('group.info') : t('info')}
        </PaneTitle>
        <Round icon="x" label={t('close')} onClick={back} />
      </div>
      <div class="page-body">
        <div class="info-top">
          <ChatAvatar chat={chat} size="large" />
          <p class="title big-title" dir="auto">
            {titleOf(chat)}
          </p>
          {kind === 'person' && (
            <button type="button" class="text-button" onClick={() => void copyText(address)}>
              {handleOf(address)} <Icon name="copy" small />
            </button>
          )}
          {isGroup && (
            <p class="quiet-text">
              {[chat.visibility === 'public' ? t('group.public') : t('group.private'), chat.mode === 'stream' ? t('group.stream') : ''].filter(Boolean).join(', ')}
            </p>
          )}
          {chat.description && (
            <p class="text" dir="auto">
              {chat.description}
            </p>
          )}
        </div>
        {isGroup && isBoss(chat.role) && (
          <div class="row-line wrap centre">
            <Button icon="pencil" onClick={() => void openDialog((done) => <EditGroup chat={chat} close={() => done()} />)}>
              {t('group.change')}
            </Button>
            <Button icon="user-plus" onClick={() => void import('./invite-links').then(({ InviteDialog }) => openDialog((done) => <InviteDialog group={key} close={() => done()} />))}>
              {t('invite.links')}
            </Button>
            {chat.visibility === 'public' && (
              <Button icon="link" onClick={() => void copyText(linkHere(e.session.relay, { group: key }))}>
                {t('group.link')}
              </Button>
            )}
          </div>
        )}
        {isGroup && isBoss(chat.role) && <Requests chat={chat} />}
        {isGroup && chat.role !== '' && <Members chat={chat} />}
        <Kept chat={chat} />
        <section class="stack">
          <Choice
            id="keep-days"
            label={t('keep.label')}
            value={chat.keepDays ?? -1}
            options={[[-1, t('keep.asSet')], ...keepChoices()]}
            onChange={(v) => void e.changeChat(key, { keepDays: v < 0 ? undefined : v }).then(() => e.prune())}
          />
        </section>
        <ul class="plain actions-list">
          {chatActions(chat).map((a) => (
            <li key={a.label}>
              <button type="button" class={`row-button${a.bad ? ' bad' : ''}`} onClick={a.run}>
                {a.icon && <Icon name={a.icon} small />}
                <span class="grow">{a.label}</span>
              </button>
            </li>
          ))}
          {isGroup && chat.role !== '' && (
            <li>
              <button type="button" class="row-button bad" onClick={() => void leave()}>
                <Icon name="log-out" small />
                <span class="grow">{t('group.leave')}</span>
              </button>
            </li>
          )}
          {isGroup && chat.role === 'owner' && (
            <li>
              <button type="button" class="row-button bad" onClick={() => void remove()}>
                <Icon name="trash-2" small />
                <span class="grow">{t('group.delete')}</span>
              </button>
            </li>
          )}
        </ul>
      </div>
    </div>
  );
}
