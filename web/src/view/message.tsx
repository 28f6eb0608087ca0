// One message: bubble, quote, media, text, state; and what can be done with it.
import type { Message } from '../base/model';
import { isBigEmoji, loadLinks, pieces, plainName } from '../base/text';
import { signal } from '@preact/signals';
import { hueOf } from '../base/ids';
import { fullTime, number, t, timeOf } from '../i18n';
import { chats } from '../state/app';
import type { Timeline } from '../state/timeline';
import { Icon } from '../ui/icon';
import { Avatar } from '../ui/parts';
import { longPress } from '../ui/tap';
import { toast } from '../ui/toast';
import { calling } from './calling';
import { hearing } from './hearing';
import { Lazy } from './lazy';
import { Media } from './media';
import { reading } from './reading';
import { Tick } from './tick';
import { showMessage } from './timeline';
import { callText, eventText } from './words';

const linksReady = signal(false);
void loadLinks().then(() => (linksReady.value = true));

export function Words({ text }: { text: string }) {
  void linksReady.value;
  return (
    <>
      {pieces(text).map((p, i) =>
        p.t === 'link' ? (
          <a key={i} href={p.href} target="_blank" rel="noopener noreferrer">
            <bdi>{p.s}</bdi>
          </a>
        ) : p.t === 'code' ? (
          <code key={i} dir="ltr">
            {p.s}
          </code>
        ) : p.t === 'block' ? (
          <pre key={i} dir="ltr">
            {p.s}
          </pre>
        ) : (
          p.s
        ),
      )}
    </>
  );
}

export function shortOf(m: Message): string {
  if (m.withdrawn) return t('msg.withdrawn');
  if (m.scrubbed) return t('msg.scrubbed');
  if (m.kind === 'voice') return t('msg.voice');
  if (m.kind === 'call') return callText(m.text);
  return m.text.replace(/\s+/g, ' ').slice(0, 160) || m.subject || m.title || (m.files?.length ? t('msg.files', { n: m.files.length }) : '');
}

function Quote({ tl, id }: { tl: Timeline; id: string }) {
  const R = reading.value;
  const found = [...tl.messages.values()].find((s) => s.peek().id === id || s.peek().key === id)?.value;
  return (
    <button type="button" class="quote" data-hue={found ? hueOf(found.from) : undefined} onClick={() => void showMessage(tl, id).then((ok) => !ok && toast(t('quote.gone')))}>
      <span class="who">
        <bdi>{found ? (found.mine ? t('you') : plainName(found.name)) : t('quote.older')}</bdi>
      </span>
      {found && (
        <span class="one block" dir="auto">
          {R?.wordsOf(found).replace(/\s+/g, ' ').slice(0, 160) || shortOf(found)}
        </span>
      )}
    </button>
  );
}

function Reactions({ m }: { m: Message }) {
  const c = chats.value!;
  const entries = Object.entries(m.reactions ?? {});
  if (!entries.length) return null;
  const by = new Map<string, string[]>();
  for (const [who, what] of entries) by.set(what, [...(by.get(what) ?? []), who]);
  return (
    <div class="reacts">
      {[...by].map(([what, who]) => {
        const own = who.includes(c.engine.me);
        return (
          <button key={what} type="button" class={`react${own ? ' own' : ''}`} aria-pressed={own} title={who.map((a) => c.nameOf(a)).join(', ')} onClick={() => void c.engine.react(m, own ? '' : what)}>
            {what} {number(who.length)}
          </button>
        );
      })}
    </div>
  );
}

const hasFailed = (m: Message): boolean => m.state === 'failed' || m.state === 'unsure' || m.state === 'expired';

const actionsOf = (): Promise<typeof import('./message-actions')> => import('./message-actions');

const openMessageMenu = (anchor: HTMLElement | { x: number; y: number }, m: Message): void => void actionsOf().then((x) => x.openMessageMenu(anchor, m));

function focusedMessage(e: KeyboardEvent, tl: Timeline): Message | undefined {
  const el = (e.target as HTMLElement).closest<HTMLElement>('[data-key]');
  return el && (e.target as HTMLElement).classList.contains('bubble') ? tl.signalOf(el.dataset['key']!)?.peek() : undefined;
}

let cameByKeys = false;

/** A message gets the focus. */
export const messageFocus = (e: FocusEvent): void => void (cameByKeys = (e.target as Element).matches(':focus-visible'));

/** Keys on a message that has the focus. Whoever clicked on it and types, writes: letters are for those who came by keys. */
export function messageKey(e: KeyboardEvent, tl: Timeline): void {
  const m = focusedMessage(e, tl);
  if (!m) return;
  if (e.key === 'ContextMenu' || (e.shiftKey && e.key === 'F10') || e.key === 'Enter') {
    e.preventDefault();
    openMessageMenu(e.target as HTMLElement, m);
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (!cameByKeys || !/^[a-z]$/i.test(e.key)) return;
  e.preventDefault();
  void actionsOf().then((x) => x.runKey(m, e.key));
}

export function MessageRow({ tl, id, first, last }: { tl: Timeline; id: string; first: boolean; last: boolean }) {
  const s = tl.signalOf(id);
  if (!s) return null;
  const m = s.value;
  const c = chats.value!;
  const R = reading.value;
  const H = hearing.value;
  if (m.kind === 'system' && m.event && !m.actions?.length) {
    return (
      <div class="event" data-key={id}>
        {eventText(m.event) || m.text}
      </div>
    );
  }
  if (m.kind === 'call')
    return (
      <div class="event" data-key={id}>
        {calling.value ? <calling.value.CallLine m={m} /> : callText(m.text)}
      </div>
    );
  const isGroup = tl.key.startsWith('grp_');
  const name = plainName(m.from === 'relay' ? (c.config.value?.name ?? m.name) : m.name);
  const isBig = !m.files?.length && !m.reply && isBigEmoji(m.text);
  const onContext = (e: MouseEvent): void => {
    if ((e.target as HTMLElement).closest('a') || String(getSelection())) return;
    e.preventDefault();
    openMessageMenu(e.clientX || e.clientY ? { x: e.clientX, y: e.clientY } : (e.currentTarget as HTMLElement), m);
  };
  return (
    <div class={`msg${m.mine ? ' mine' : ''}${first ? ' first' : ' mid'}${isGroup && !m.mine ? '' : ' alone'}`} data-key={id} data-state={m.state}>
      {isGroup && !m.mine && (last ? <Avatar name={name} address={m.from} size="small" /> : <span class="avatar-gap" />)}
      <div class={`bubble${isBig ? ' big' : ''}${m.withdrawn || m.scrubbed ? ' gone' : ''}`} tabIndex={-1} aria-haspopup="menu" onContextMenu={onContext} {...longPress((at) => openMessageMenu(at, m))}>
        <span class="hidden">{m.mine ? t('you') : name}: </span>
        {isGroup && !m.mine && first && (
          <span class="who" data-hue={hueOf(m.from)} aria-hidden="true">
            <bdi>{name}</bdi>
          </span>
        )}
        {m.reply && !m.withdrawn && <Quote tl={tl} id={m.reply} />}
        {(m.subject || m.title) && (
          <strong class="subject block" dir="auto">
            {m.subject || m.title}
          </strong>
        )}
        {m.files && !m.withdrawn && <Media m={m} />}
        {m.withdrawn ? (
          <span class="text quiet-text">
            <Icon name="ban" small /> {t('msg.withdrawn')}
          </span>
        ) : m.scrubbed ? (
          <span class="text quiet-text">
            <Icon name="hourglass" small /> {t('msg.scrubbed')}
          </span>
        ) : (
          m.text &&
          (R && m.kind !== 'system' ? (
            <R.Said m={m} />
          ) : (
            <span class="text" dir="auto" lang={m.lang}>
              <Words text={m.kind === 'system' && m.event ? eventText(m.event) || m.text : m.text} />
            </span>
          ))
        )}
        <span class="meta">
          {m.edited && !m.withdrawn && <span>{t('edited')}</span>}
          <time dateTime={new Date(m.at).toISOString()} title={fullTime(m.at)}>
            {timeOf(m.at)}
          </time>
          {m.mine && m.chat !== 'self' && <Tick state={m.state} />}
          {m.mine && m.chat === 'self' && m.state === 'waiting' && <Tick state="waiting" />}
        </span>
        {H && m.kind === 'voice' && !m.withdrawn && <H.Spoken m={m} />}
        {R && <R.Line m={m} />}
        {(m.actions || m.decided) && <Lazy load={() => import('./message-extra')} pick={(x) => x.Actions} m={m} />}
        {hasFailed(m) && <Lazy load={() => import('./message-extra')} pick={(x) => x.Failure} m={m} />}
        <button type="button" class="more" aria-label={t('msgMenu')} tabIndex={-1} onClick={(e) => openMessageMenu(e.currentTarget, m)}>
          <Icon name="chevron-down" small />
        </button>
      </div>
      <Reactions m={m} />
    </div>
  );
}
