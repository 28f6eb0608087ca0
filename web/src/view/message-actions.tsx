// What can be done with a message: its menu, and the keys of its items.
import { asText } from '../base/lang';
import type { Message } from '../base/model';
import { partsOf } from '../base/model';
import { graphemes, plainName } from '../base/text';
import { t } from '../i18n';
import { chats } from '../state/app';
import { ask } from '../ui/dialog';
import { Icon } from '../ui/icon';
import '../ui/icons-more';
import { openMenu, type MenuItem } from '../ui/menu';
import { toast } from '../ui/toast';
import { block } from './chat-actions';
import { startEdit, startReply } from './composing';
import { copyText } from './copy';
import { hearing } from './hearing';
import { canTranslate, loadReading, reading } from './reading';
import { titleOf } from './list';

const EDIT_MS = 15 * 60_000;
const quick = ['👍', '❤️', '😂', '😮', '😢', '🎉'];

export const canEdit = (m: Message, now: number): boolean => m.mine && m.kind === 'text' && !m.withdrawn && !m.channel && (m.state === 'waiting' || m.state === 'failed' || now - m.at < EDIT_MS);

async function forward(m: Message): Promise<void> {
  const { pickChat } = await import('./pick');
  const key = await pickChat(t('forward.title'));
  if (key) await sendCopy(m, key);
}

async function sendCopy({ key }: Message, chat: string): Promise<void> {
  const e = chats.peek()!.engine;
  const m = await e.store.message.get(key);
  if (!m || m.withdrawn) {
    toast(t('msg.withdrawn'), { bad: true });
    return;
  }
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

export function messageActions(m: Message): MenuItem[] {
  const c = chats.peek()!;
  const e = c.engine;
  const items: MenuItem[] = [];
  const has = !m.withdrawn && !m.scrubbed;
  if (has && m.id && m.kind !== 'system' && !m.channel) items.push({ label: t('reply'), icon: 'reply', keys: 'R', run: () => startReply(m) });
  const voice = hearing.peek()?.transcriptItem(m);
  if (voice && has) items.push(voice);
  const words = asText(m).text;
  if (has && words) items.push({ label: t('copy'), icon: 'copy', keys: 'C', run: () => void copyText(reading.peek()?.wordsOf(m) || words) });
  if (has && words && m.kind !== 'system' && canTranslate(e.config)) {
    const label = reading.peek()?.translateLabel(m) ?? t('tr.translate');
    items.push({ label, icon: 'languages', keys: 'T', run: () => void loadReading().then((r) => r.translateMessage(m)) });
  }
  if (has && words && 'speechSynthesis' in window) items.push({ label: t('readAloud'), icon: 'volume-2', keys: 'L', run: () => void import('./speak').then(({ speak }) => speak(m)) });
  if (has && m.kind !== 'system') {
    items.push({ label: t('forward'), icon: 'forward', keys: 'F', run: () => void forward(m) });
    if (m.chat !== 'self') items.push({ label: t('saveToNotes'), icon: 'bookmark', keys: 'S', run: () => void sendCopy(m, 'self') });
  }
  if (canEdit(m, e.now())) items.push({ label: t('edit'), icon: 'pencil', keys: 'E', run: () => startEdit(m) });
  if (m.id) items.push({ label: t('msgInfo'), icon: 'info', keys: 'I', run: () => void import('./message-info').then((x) => x.showInfo(m)) });
  if (m.state === 'failed' || m.state === 'unsure' || (m.state === 'expired' && m.channel)) items.push({ label: t('tryAgain'), icon: 'refresh-cw', run: () => void e.retry(m) });
  if (m.mine && !m.withdrawn && m.kind !== 'system') items.push({ label: m.state === 'waiting' || m.state === 'failed' ? t('delete') : t('withdraw'), icon: 'trash-2', bad: true, line: true, run: () => void withdraw(m) });
  else items.push({ label: t('removeHere'), icon: 'trash-2', bad: true, line: true, run: () => void remove(m) });
  const { channel, address } = partsOf(m.chat);
  const who = m.channel ? { channel, address, name: titleOf(c.chat(m.chat).peek()) } : { channel: 'pchat', address: m.from, name: plainName(m.name) };
  if (!m.mine && m.kind !== 'system' && who.address) items.push({ label: t('block.name', { name: who.name }), icon: 'ban', bad: true, run: () => void block(who.channel, who.address, who.name) });
  return items;
}

export function openMessageMenu(anchor: HTMLElement | { x: number; y: number }, m: Message): void {
  const e = chats.peek()!.engine;
  const head = e.can('reactions') && m.id && !m.channel && !m.withdrawn && m.kind !== 'system'
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
  openMenu(anchor, t('msgMenu'), messageActions(m), head);
}

/** A key that was pressed on a message. */
export function runKey(m: Message, key: string): void {
  messageActions(m).find((i) => i.keys?.toLowerCase() === key.toLowerCase() && !i.disabled)?.run?.();
}
