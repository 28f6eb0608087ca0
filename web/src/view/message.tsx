// One message: bubble, quote, media, text, state; and what can be done with it.
import type { Message } from '../base/model';
import { isAllowedAction } from '../base/rules';
import { graphemes, isBigEmoji, loadLinks, pieces, plainName } from '../base/text';
import { signal } from '@preact/signals';
import { hueOf } from '../base/ids';
import { fullTime, maybe, number, t, timeOf } from '../i18n';
import { chats } from '../state/app';
import type { Timeline } from '../state/timeline';
import { ask } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { openMenu, type MenuItem } from '../ui/menu';
import { Avatar, Button } from '../ui/parts';
import { toast } from '../ui/toast';
import { block } from './chat-actions';
import { startEdit, startReply } from './composing';
import { copyText } from './copy';
import { Media } from './media';
import { Tick } from './tick';
import { showMessage } from './timeline';
import { attempt, sentence } from './trouble';
import { eventText } from './words';
import { Trouble } from '../base/trouble';

const EDIT_MS = 15 * 60_000;
const quick = ['👍', '❤️', '😂', '😮', '😢', '🎉'];

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
  return m.text.replace(/\s+/g, ' ').slice(0, 160) || m.subject || m.title || (m.files?.length ? t('msg.files', { n: m.files.length }) : '');
}

function Quote({ tl, id }: { tl: Timeline; id: string }) {
  const found = [...tl.messages.values()].find((s) => s.peek().id === id || s.peek().key === id)?.value;
  return (
    <button type="button" class="quote" data-hue={found ? hueOf(found.from) : undefined} onClick={() => void showMessage(tl, id).then((ok) => !ok && toast(t('quote.gone')))}>
      <span class="who">
        <bdi>{found ? (found.mine ? t('you') : plainName(found.name)) : t('quote.older')}</bdi>
      </span>
      {found && (
        <span class="one block" dir="auto">
          {shortOf(found)}
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

/** Buttons that the relay sends: drawn only where we know what they do, with words of ours. */
function Actions({ m }: { m: Message }) {
  const e = chats.value!.engine;
  if (m.kind !== 'system' || m.from !== 'relay') return null;
  if (m.decided) return <p class="decided">{maybe(`decided.${m.decided}`) ?? m.decided}</p>;
  const known = (m.actions ?? []).filter((a) => a.method === 'POST' && isAllowedAction(a.path));
  if (!known.length) return null;
  const act = async (path: string): Promise<void> => {
    let decided: string;
    try {
      decided = (await e.api.act(path)).status;
    } catch (err) {
      const code = err instanceof Trouble ? err.code : '';
      if (code !== 'already_decided' && code !== 'unknown_request') {
        toast(sentence(err), { bad: true });
        return;
      }
      decided = 'already';
    }
    const next = { ...m, decided };
    await e.store.message.put(next);
    e.emit('messages', [next]);
  };
  return (
    <div class="actions">
      {known.map((a) => {
        const verb = a.path.split('/').pop()!;
        return (
          <Button key={a.path} kind={verb === 'approve' || verb === 'accept' ? 'main' : ''} onClick={() => void act(a.path)}>
            {maybe(`act.${verb}`) ?? verb}
          </Button>
        );
      })}
    </div>
  );
}

function Failure({ m }: { m: Message }) {
  const e = chats.value!.engine;
  if (m.state !== 'failed' && m.state !== 'unsure' && m.state !== 'expired') return null;
  const why = m.state === 'unsure' ? t('err.not_confirmed') : m.state === 'expired' ? t('err.expired') : m.error ? (maybe(`err.${m.error}`) ?? m.error) : t('err.internal');
  return (
    <div class="failure" role="group" aria-label={t('state.failed')}>
      <span class="block">{why}</span>
      {m.state !== 'expired' && (
        <button type="button" class="text-button" onClick={() => void e.retry(m)}>
          {m.state === 'unsure' ? t('sendAgain') : t('tryAgain')}
        </button>
      )}
      <button type="button" class="text-button" onClick={() => startEdit(m)}>
        {t('edit')}
      </button>
      <button type="button" class="text-button" onClick={() => void e.discard(m)}>
        {t('delete')}
      </button>
    </div>
  );
}

export const canEdit = (m: Message, now: number): boolean => m.mine && m.kind === 'text' && !m.withdrawn && !m.channel && (m.state === 'waiting' || m.state === 'failed' || now - m.at < EDIT_MS);

async function forward(m: Message): Promise<void> {
  const { pickChat } = await import('./pick');
  const key = await pickChat(t('forward.title'));
  if (key) await sendCopy(m, key);
}

async function sendCopy(m: Message, chat: string): Promise<void> {
  const e = chats.peek()!.engine;
  const files = [];
  for (const f of m.files ?? []) {
    const stored = await e.store.file.get(f.key);
    if (!stored) {
      toast(t('forward.noFile'), { bad: true });
      continue;
    }
    files.push({ key: await e.stage(stored.blob), name: f.name, mime: f.mime, size: f.size, width: f.width, height: f.height, duration_ms: f.duration_ms ?? m.duration, waveform: m.waveform, voice: m.kind === 'voice' });
  }
  if (!m.text && !files.length) return;
  await e.send({ chat, text: m.text, kind: m.kind === 'voice' ? 'voice' : undefined, files, lang: m.lang });
  toast(t('forward.done'));
}

async function withdraw(m: Message): Promise<void> {
  const e = chats.peek()!.engine;
  if (m.state === 'waiting' || m.state === 'failed') return e.withdraw(m);
  if (await ask({ title: t('withdraw.title'), text: t('withdraw.text'), yes: t('withdraw'), no: t('cancel'), bad: true })) await e.withdraw(m);
}

async function remove(m: Message): Promise<void> {
  if (await ask({ title: t('remove.title'), text: t('remove.text'), yes: t('delete'), no: t('cancel'), bad: true })) await chats.peek()!.engine.remove(m);
}

export function messageActions(m: Message, tl: Timeline): MenuItem[] {
  const c = chats.peek()!;
  const e = c.engine;
  const items: MenuItem[] = [];
  const has = !m.withdrawn && !m.scrubbed;
  if (has && m.id && m.kind !== 'system') items.push({ label: t('reply'), icon: 'reply', keys: 'R', run: () => startReply(m) });
  if (has && m.text) items.push({ label: t('copy'), icon: 'copy', keys: 'C', run: () => void copyText(m.text) });
  if (has && m.text && 'speechSynthesis' in window) items.push({ label: t('readAloud'), icon: 'volume-2', keys: 'L', run: () => void import('./speak').then(({ speak }) => speak(m)) });
  if (has && m.kind !== 'system') {
    items.push({ label: t('forward'), icon: 'forward', keys: 'F', run: () => void forward(m) });
    if (m.chat !== 'self') items.push({ label: t('saveToNotes'), icon: 'bookmark', keys: 'S', run: () => void sendCopy(m, 'self') });
  }
  if (canEdit(m, e.now())) items.push({ label: t('edit'), icon: 'pencil', keys: 'E', run: () => startEdit(m) });
  if (m.id) items.push({ label: t('msgInfo'), icon: 'info', keys: 'I', run: () => void import('./message-info').then((x) => x.showInfo(m)) });
  if (m.state === 'failed' || m.state === 'unsure') items.push({ label: t('tryAgain'), icon: 'refresh-cw', run: () => void e.retry(m) });
  if (m.mine && !m.withdrawn && m.kind !== 'system') items.push({ label: m.state === 'waiting' || m.state === 'failed' ? t('delete') : t('withdraw'), icon: 'trash-2', bad: true, line: true, run: () => void withdraw(m) });
  else items.push({ label: t('removeHere'), icon: 'trash-2', bad: true, line: true, run: () => void remove(m) });
  if (!m.mine && m.kind !== 'system' && !m.channel) items.push({ label: t('block.name', { name: plainName(m.name) }), icon: 'ban', bad: true, run: () => void block(m.from, plainName(m.name)) });
  void tl;
  return items;
}

function openMessageMenu(anchor: HTMLElement | { x: number; y: number }, m: Message, tl: Timeline): void {
  const e = chats.peek()!.engine;
  const head = e.can('reactions') && m.id && !m.withdrawn && m.kind !== 'system'
    ? (close: () => void) => (
        <div class="quick" role="group" aria-label={t('react')}>
          {quick.map((g) => (
            <button key={g} type="button" class="round" aria-label={g} aria-pressed={m.reactions?.[e.me] === g} onClick={() => (close(), void e.react(m, m.reactions?.[e.me] === g ? '' : g))}>
              {g}
            </button>
          ))}
          <button type="button" class="round" aria-label={t('react.more')} onClick={() => (close(), void import('./emoji').then((x) => x.pickEmoji()).then((g) => void (g && e.react(m, graphemes(g)[0]!))))}>
            <Icon name="smile-plus" />
          </button>
        </div>
      )
    : undefined;
  openMenu(anchor, t('msgMenu'), messageActions(m, tl), head);
}

function focusedMessage(e: KeyboardEvent, tl: Timeline): Message | undefined {
  const el = (e.target as HTMLElement).closest<HTMLElement>('[data-key]');
  return el && (e.target as HTMLElement).classList.contains('bubble') ? tl.signalOf(el.dataset['key']!)?.peek() : undefined;
}

/** Keys on a message that has the focus. */
export function messageKey(e: KeyboardEvent, tl: Timeline): void {
  const m = focusedMessage(e, tl);
  if (!m) return;
  if (e.key === 'ContextMenu' || (e.shiftKey && e.key === 'F10') || e.key === 'Enter') {
    e.preventDefault();
    openMessageMenu(e.target as HTMLElement, m, tl);
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const item = messageActions(m, tl).find((i) => i.keys && i.keys.toLowerCase() === e.key.toLowerCase());
  if (item) {
    e.preventDefault();
    item.run?.();
  }
}

const LONG_MS = 450;
let pressed = 0;

export function MessageRow({ tl, id, first, last }: { tl: Timeline; id: string; first: boolean; last: boolean }) {
  const s = tl.signalOf(id);
  if (!s) return null;
  const m = s.value;
  const c = chats.value!;
  if (m.kind === 'system' && m.event && !m.actions?.length) {
    return (
      <div class="event" data-key={id}>
        {eventText(m.event) || m.text}
      </div>
    );
  }
  const isGroup = tl.key.startsWith('grp_');
  const name = plainName(m.from === 'relay' ? (c.config.value?.name ?? m.name) : m.name);
  const isBig = !m.files?.length && !m.reply && isBigEmoji(m.text);
  const onContext = (e: MouseEvent): void => {
    if ((e.target as HTMLElement).closest('a') || String(getSelection())) return;
    e.preventDefault();
    openMessageMenu(e.clientX || e.clientY ? { x: e.clientX, y: e.clientY } : (e.currentTarget as HTMLElement), m, tl);
  };
  const onDown = (e: PointerEvent): void => {
    if (e.pointerType !== 'touch') return;
    const at = { x: e.clientX, y: e.clientY };
    clearTimeout(pressed);
    pressed = setTimeout(() => openMessageMenu(at, m, tl), LONG_MS) as unknown as number;
  };
  const onUp = (): void => clearTimeout(pressed);
  return (
    <div class={`msg${m.mine ? ' mine' : ''}${first ? ' first' : ' mid'}${isGroup && !m.mine ? '' : ' alone'}`} data-key={id} data-state={m.state}>
      {isGroup && !m.mine && (last ? <Avatar name={name} address={m.from} size="small" /> : <span class="avatar-gap" />)}
      <div class={`bubble${isBig ? ' big' : ''}${m.withdrawn || m.scrubbed ? ' gone' : ''}`} tabIndex={-1} aria-haspopup="menu" onContextMenu={onContext} onPointerDown={onDown} onPointerUp={onUp} onPointerCancel={onUp} onPointerMove={onUp}>
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
          m.text && (
            <span class="text" dir="auto" lang={m.lang}>
              <Words text={m.kind === 'system' && m.event ? eventText(m.event) || m.text : m.text} />
            </span>
          )
        )}
        <span class="meta">
          {m.edited && !m.withdrawn && <span>{t('edited')}</span>}
          <time dateTime={new Date(m.at).toISOString()} title={fullTime(m.at)}>
            {timeOf(m.at)}
          </time>
          {m.mine && m.chat !== 'self' && <Tick state={m.state} />}
          {m.mine && m.chat === 'self' && m.state === 'waiting' && <Tick state="waiting" />}
        </span>
        <Actions m={m} />
        <Failure m={m} />
        <button type="button" class="more" aria-label={t('msgMenu')} tabIndex={-1} onClick={(e) => openMessageMenu(e.currentTarget, m, tl)}>
          <Icon name="chevron-down" small />
        </button>
      </div>
      <Reactions m={m} />
    </div>
  );
}

export { attempt };
