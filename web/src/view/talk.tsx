// One chat: head, timeline, composer.
import { useEffect } from 'preact/hooks';
import type { Chat } from '../base/model';
import { partsOf } from '../base/model';
import { targetOf } from '../base/rules';
import { handleOf, plainName } from '../base/text';
import { language, listOf, t } from '../i18n';
import { back, chats, go, onePane, place } from '../state/app';
import { Icon } from '../ui/icon';
import { openMenu } from '../ui/menu';
import { Empty, PaneTitle, Round } from '../ui/parts';
import { Composer } from './composer';
import { calling } from './calling';
import { keyboardOpen } from './composing';
import { Lazy } from './lazy';
import { ChatAvatar, titleOf } from './list';
import { canTranslate, loadReading, reading, wantsReading } from './reading';
import { TimelineView } from './timeline';

function subtitle(chat: Chat): string {
  const c = chats.value!;
  const { kind, address, channel, phone } = partsOf(chat.key);
  const typing = c.typing.value.get(chat.key);
  if (typing?.length) return t('typing.some', { names: listOf(typing.map((a) => plainName(c.nameOf(a)))), n: typing.length });
  if (chat.blocked) return t('blocked');
  if (kind === 'person') return c.isOnline(address) ? t('online') : handleOf(address);
  if (kind === 'outside') {
    const by = phone || chat.phone;
    const word = t(`filter.${channel === 'tg_bot' ? 'tg' : channel}` as never);
    return by ? t('outside.by', { channel: word, phone: by }) : word;
  }
  if (kind === 'group') return chat.role === '' ? t('group.left') : `${chat.mode === 'stream' ? `${t('group.stream')}, ` : ''}${t('group.members', { n: chat.members ?? 1 })}`;
  if (kind === 'self') return t('saved.sub');
  return '';
}

const openTranslation = (anchor: HTMLElement, chat: string): void => void loadReading().then((r) => r.openTalkMenu(anchor, chat));

export function Talk() {
  const c = chats.value!;
  const key = place.value.chat;
  useEffect(() => {
    if (key?.startsWith('grp_')) void c.engine.refreshGroup(key);
  }, [key]);
  const s = c.settings.value;
  const R = reading.value;
  const wanted = !!key && wantsReading(s);
  useEffect(() => {
    if (wanted) void loadReading().catch(() => undefined); // without it everything is read as it was written
  }, [wanted]);
  if (!key)
    return (
      <main class="talk none">
        <Empty icon="message-circle" title={t('none.title')}>
          <p>{t('none.text')}</p>
        </Empty>
      </main>
    );
  const chat = c.chat(key).value;
  const isGroup = chat.kind === 'group' || chat.kind === 'stream';
  const toInfo = (): void => go({ chat: key, panel: place.value.panel === 'info' ? undefined : 'info' });
  return (
    <main class="talk" aria-label={titleOf(chat)}>
      <header class="talk-head">
        <Round icon="arrow-left" label={t('back')} class="back" onClick={back} />
        <button type="button" class="head-who" onClick={toInfo} aria-expanded={place.value.panel === 'info'}>
          <ChatAvatar chat={chat} size="mid" />
          <span class="grow">
            <PaneTitle first={onePane.value && place.value.panel !== 'info'} class="one" dir="auto">
              {titleOf(chat)}
            </PaneTitle>
            <span class="sub one block">{subtitle(chat)}</span>
          </span>
        </button>
        {calling.value && <calling.value.CallButtons chat={chat} />}
        <Round icon="search" label={t('findHere')} keys="Ctrl+Shift+F" class="wide" aria-pressed={place.value.panel === 'find'} onClick={() => go({ chat: key, panel: place.value.panel === 'find' ? undefined : 'find' })} />
        {key !== 'self' && key !== 'relay' && canTranslate(c.config.value) && (
          <Round icon="languages" label={t('tr.button')} aria-haspopup="menu" aria-pressed={targetOf(chat, s, language.value) !== null} onClick={(e) => openTranslation(e.currentTarget as HTMLElement, key)} />
        )}
        <Round
          icon="ellipsis-vertical"
          label={t('more')}
          aria-haspopup="menu"
          onClick={(e) => {
            const anchor = e.currentTarget as HTMLElement;
            void import('./chat-actions').then(({ chatActions }) =>
              openMenu(anchor, titleOf(chat), [
                { label: isGroup ? t('group.info') : t('info'), icon: 'info', run: toInfo, keys: 'I' },
                { label: t('findHere'), icon: 'search', run: () => go({ chat: key, panel: 'find' }), keys: 'F' },
                ...chatActions(chat),
              ]),
            );
          }}
        />
      </header>
      {place.value.panel === 'find' && <Lazy load={() => import('./find')} pick={(m) => m.Find} />}
      {chat.blocked && (
        <p class="banner">
          <Icon name="ban" small />
          <span class="grow">{t(chat.kind === 'outside' ? 'outside.blocked' : 'blocked.here')}</span>
        </p>
      )}
      {R && <R.Notice chat={key} />}
      <TimelineView key={key} chat={key} />
      {R && <R.Watch chat={key} />}
      <Composer key={'compose' + key} chat={key} />
      {keyboardOpen.value && (
        <div class="kb-place">
          <Lazy load={() => import('./keyboard')} pick={(m) => m.Keyboard} />
        </div>
      )}
    </main>
  );
}
