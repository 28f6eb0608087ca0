// The list of chats: search, filters, one row a chat.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Chat } from '../base/model';
import { partsOf } from '../base/model';
import { plainName } from '../base/text';
import { fullTime, listOf, number, t, whenShort, type Key } from '../i18n';
import { chats, engine, go, onePane, otherUnread, place, sessions, switchTo, phase } from '../state/app';
import { filters, type Chats, type Filter } from '../state/chats';
import { useHeld } from '../ui/held';
import { Icon, type IconName } from '../ui/icon';
import { openMenu, type MenuItem } from '../ui/menu';
import { Avatar, Button, Empty, Hidden, Round } from '../ui/parts';
import { rove } from '../ui/roving';
import { longPress } from '../ui/tap';
import { copyText } from './copy';
import { callText, eventText } from './words';
import { Tick } from './tick';

export const channelIcon: Record<string, IconName> = { sms: 'message-square', wa: 'phone', tg: 'send', tg_bot: 'send', email: 'mail', notify: 'bell' };

export function ChatAvatar({ chat, size = '' }: { chat: Chat; size?: '' | 'mid' | 'small' | 'large' }) {
  const { kind, address, channel } = partsOf(chat.key);
  if (kind === 'self') return <Avatar name="" address="self" size={size} shape="group" icon="bookmark" />;
  if (kind === 'relay') return <Avatar name="" address="relay" size={size} shape="group" icon="shield" />;
  if (kind === 'outside') return <Avatar name="" address={address} size={size} icon={channelIcon[channel] ?? 'smartphone'} />;
  return <Avatar name={chat.title} address={address} size={size} shape={kind === 'group' ? 'group' : 'round'} online={kind === 'person' && chats.value!.isOnline(address)} />;
}

export function titleOf(chat: Chat): string {
  if (chat.key === 'self') return t('saved');
  if (chat.key === 'relay') return t('relayChat');
  return plainName(chat.title) || partsOf(chat.key).address;
}

/** What the last message says, in a line. */
function Said({ chat }: { chat: Chat }) {
  const last = chat.last;
  if (!last) return <span class="said grow one">{chat.kind === 'group' || chat.kind === 'stream' ? t('group.new') : ''}</span>;
  const who = (chat.kind === 'group' || chat.kind === 'stream') && !last.mine && last.kind !== 'system' ? `${plainName(last.name)}: ` : '';
  const isMedia = last.kind === 'voice' || (!last.text && last.files);
  const words = last.kind === 'withdrawn' ? t('msg.withdrawn') : last.kind === 'scrubbed' ? t('msg.scrubbed') : last.kind === 'voice' ? t('msg.voice') : last.kind === 'call' ? callText(last.text) : last.event ? eventText(last.event) : isMedia ? t('msg.files', { n: last.files! }) : last.text.replace(/\s+/g, ' ');
  return (
    <>
      {last.mine && last.kind !== 'call' && <Tick state={last.state} />}
      {chat.kind === 'stream' && <Icon name="radio" small />}
      {isMedia && <Icon name={last.kind === 'voice' ? 'mic' : 'paperclip'} small />}
      <span class="said grow one" dir="auto">
        {who && <bdi>{who}</bdi>}
        {words}
      </span>
    </>
  );
}

function Row({ c, id }: { c: Chats; id: string }) {
  const chat = c.chat(id).value;
  // only the row that it is about is drawn anew: neither typing nor going to another chat touches the rest
  const current = useComputed(() => place.value.chat === id).value;
  const draft = current ? null : c.draftOf(id).value;
  const typing = c.typing.value.get(id);
  const isMuted = c.isMuted(chat);
  const open = (): void => go({ chat: id });
  const showMenu = (anchor: HTMLElement | { x: number; y: number }): void => void import('./chat-actions').then(({ chatActions }) => openMenu(anchor, titleOf(chat), chatActions(chat)));
  const onMenu = (e: MouseEvent): void => {
    e.preventDefault();
    showMenu(e.clientX || e.clientY ? { x: e.clientX, y: e.clientY } : (e.currentTarget as HTMLElement));
  };
  const onKey = (e: KeyboardEvent): void => {
    if (e.key === 'ContextMenu' || (e.shiftKey && e.key === 'F10')) {
      e.preventDefault();
      showMenu(e.currentTarget as HTMLElement);
    }
  };
  return (
    <li>
      <button type="button" class="row" aria-current={current || undefined} data-new={chat.unread || undefined} data-chat={id} onClick={open} onContextMenu={onMenu} onKeyDown={onKey} {...longPress(showMenu)}>
        <ChatAvatar chat={chat} />
        <span class="grow">
          <span class="l1">
            <span class="name grow one" dir="auto">
              {titleOf(chat)}
            </span>
            {chat.blocked && <Icon name="ban" small />}
            {isMuted && <Icon name="bell-off" small />}
            {chat.pinned && <Icon name="pin" small />}
            {chat.lastAt > 0 && (
              <span class="when" title={fullTime(chat.lastAt)}>
                {whenShort(chat.lastAt)}
              </span>
            )}
          </span>
          <span class="l2">
            {typing ? (
              <span class="said typing-now grow one">{t('typing.some', { names: listOf(typing.map((a) => plainName(c.nameOf(a)))), n: typing.length })}</span>
            ) : draft && (draft.text || draft.files.length) ? (
              <>
                <span class="draft">{t('draft')}</span>
                <span class="said grow one" dir="auto">
                  {draft.text.replace(/\s+/g, ' ') || t('msg.files', { n: draft.files.length })}
                </span>
              </>
            ) : (
              <Said chat={chat} />
            )}
            {chat.unread > 0 && (
              <span class={`badge${isMuted ? ' quiet' : ''}`}>
                {number(Math.min(chat.unread, 999))}
                <Hidden>{t('unread', { n: chat.unread })}</Hidden>
              </span>
            )}
          </span>
        </span>
      </button>
    </li>
  );
}

function Filters({ c }: { c: Chats }) {
  const n = c.unread.value;
  const has = new Set([...c.all.values()].map((s) => partsOf(s.value.key).channel));
  const bridge = c.config.value?.features['phone_bridge'] !== false;
  const shown = filters.filter((f) => f === 'all' || f === 'webchat' || (f === 'unread' && c.filter.value === 'unread') || (f === 'archived' ? [...c.all.values()].some((s) => s.value.archived) : f !== 'unread' && (bridge || has.has(f))));
  return (
    <div
      class="chips"
      role="tablist"
      aria-label={t('filter.label')}
      onKeyDown={(e) => {
        const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
        if (!by) return;
        const dir = document.documentElement.dir === 'rtl' ? -by : by;
        const i = (shown.indexOf(c.filter.value) + dir + shown.length) % shown.length;
        c.filter.value = shown[i]!;
        e.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')[i]?.focus();
        e.preventDefault();
      }}
    >
      {shown.map((f) => (
        <button key={f} type="button" role="tab" class="chip" aria-selected={c.filter.value === f} aria-controls="rows" tabIndex={c.filter.value === f ? 0 : -1} onClick={() => (c.filter.value = f)}>
          <bdi>{t(`filter.${f}` as Key)}</bdi>
          {n[f] ? <b>{number(n[f])}</b> : null}
        </button>
      ))}
    </div>
  );
}

/** Messages that hold the words of a search; asked for once one pauses. */
function Found({ c, query }: { c: Chats; query: string }) {
  const hits = useSignal<{ key: string; chat: string; text: string; at: number }[] | null>(null);
  useEffect(() => {
    let isOld = false;
    const timer = setTimeout(() => {
      void import('./search').then(({ searchAll }) => searchAll(c.engine, query, 30)).then((list) => !isOld && (hits.value = list));
    }, 200);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [query]);
  if (!hits.value?.length) return null;
  return (
    <>
      <h2 class="small-head">{t('search.messages')}</h2>
      <ul class="plain">
        {hits.value.map((h) => (
          <li key={h.key}>
            <button type="button" class="row hit" onClick={() => void c.timeline(h.chat).toMessage(h.key).then(() => go({ chat: h.chat }))} data-hit={h.key}>
              <ChatAvatar chat={c.chat(h.chat).value} size="mid" />
              <span class="grow">
                <span class="l1">
                  <span class="name grow one" dir="auto">
                    {titleOf(c.chat(h.chat).value)}
                  </span>
                  <span class="when">{whenShort(h.at)}</span>
                </span>
                <span class="said one block" dir="auto">
                  {h.text}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function accountMenu(): MenuItem[] {
  const s = engine.value!.session;
  return [
    ...sessions.value.map((x, i): MenuItem => {
      const n = x.sid === s.sid ? 0 : (otherUnread.value[x.sid] ?? 0);
      return { label: `${plainName(x.name)}${sessions.value.some((y) => y.relay !== x.relay) ? `, ${new URL(x.relay).host}` : ''}${n ? ` (${number(n)})` : ''}`, icon: 'user', checked: x.sid === s.sid, run: () => void switchTo(x.sid), keys: String((i + 1) % 10) };
    }),
    { label: t('account.add'), icon: 'user-plus', run: () => (phase.value = 'signin') },
    { label: t('settings.title'), icon: 'settings', run: () => go({ page: 'settings' }), line: true },
    ...(chats.value?.user.value?.role === 'admin' ? [{ label: t('admin.title'), icon: 'shield' as const, run: () => go({ page: 'admin' }) }] : []),
    { label: t('signOut'), icon: 'log-out', run: () => go({ page: 'settings/leave' }) },
  ];
}

export function ChatList() {
  const c = chats.value!;
  const e = engine.value!;
  const shown = useHeld(c.shown.value);
  const q = c.query.value;
  const others = useComputed(() => Object.entries(otherUnread.value).reduce((n, [sid, k]) => n + (sid === engine.value?.session.sid ? 0 : k), 0));
  const s = c.sync.value;
  const isPane = !place.value.chat && !place.value.page;
  return (
    <div class="list" role={onePane.value && isPane ? 'main' : 'navigation'} aria-label={t('chats')}>
      <div class="list-head">
        <h1 class="grow">{t('chats')}</h1>
        <Round icon="plus" label={t('newChat')} keys="Ctrl+Shift+O" onClick={() => go({ page: 'directory' })} />
        <button type="button" class="round" aria-label={t('account.menu', { name: plainName(e.session.name) })} aria-haspopup="menu" onClick={(ev) => openMenu(ev.currentTarget, t('account.menu', { name: e.session.name }), accountMenu())}>
          <Avatar name={c.user.value?.display_name || e.session.name} address={e.session.address} size="small" />
          {others.value > 0 && <span class="dot" />}
        </button>
      </div>
      <label class="search">
        <Icon name="search" small />
        <span class="hidden">{t('search.label')}</span>
        <input
          id="search"
          type="search"
          placeholder={t('search.label')}
          value={q}
          autoComplete="off"
          onInput={(ev) => (c.query.value = ev.currentTarget.value)}
          onKeyDown={(ev) => {
            if (ev.key === 'Escape' && q) {
              c.query.value = '';
              ev.preventDefault();
            } else if (ev.key === 'ArrowDown' || (ev.key === 'Enter' && q)) {
              ev.preventDefault();
              const first = document.querySelector<HTMLElement>('.rows .row');
              if (ev.key === 'Enter') first?.click();
              else first?.focus();
            }
          }}
        />
      </label>
      {!q && <Filters c={c} />}
      <div class="rows" id="rows" role={q ? 'region' : 'tabpanel'} aria-label={t('chats')} onKeyDown={(ev) => rove(ev, '.row')}>
        <ul class="plain">
          {shown.map((id) => (
            <Row key={id} c={c} id={id} />
          ))}
        </ul>
        {q !== '' && <Found c={c} query={q} />}
        {shown.length === 0 && !q && c.filter.value === 'all' && (
          <Empty icon="message-circle" title={t('empty.title')}>
            <p>{t('empty.text')}</p>
            <Button kind="main" icon="users" onClick={() => go({ page: 'directory' })}>
              {t('empty.find')}
            </Button>
            <Button icon="copy" onClick={() => void copyText(e.session.address)}>
              {t('empty.copy')}
            </Button>
            <Button kind="quiet" icon="archive-restore" onClick={() => go({ page: 'settings/privacy' })}>
              {t('empty.history')}
            </Button>
          </Empty>
        )}
        {shown.length === 0 && (q || c.filter.value !== 'all') && <p class="quiet-text centre">{q ? t('search.none') : t('filter.none')}</p>}
      </div>
      <div class="foot">
        <Icon name={s.state === 'ok' ? 'shield-check' : s.state === 'connecting' ? 'refresh-cw' : 'wifi-off'} small class={s.state === 'ok' ? 'ok' : ''} />
        <span class="one">
          <bdi>{new URL(e.session.relay).host}</bdi>, {t(`sync.${s.state}` as Key)}
        </span>
      </div>
    </div>
  );
}

export type { Filter };
