// Reading in one's own language: the translation in place of the words, who made it, and the original one press away.
import { signal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { asText, canBeIn, inView, languageByScript, sameLanguage } from '../base/lang';
import type { Draft, Message } from '../base/model';
import { targetOf } from '../base/rules';
import type { Engine } from '../core/engine';
import { changeChatLanguage } from '../core/prefs';
import type { Entry, Failure } from '../core/translations';
import { language, languageName, maybe, number, t, timeOf } from '../i18n';
import { chats, engine, go } from '../state/app';
import { Reader } from '../state/translations';
import { ask } from '../ui/dialog';
import { Icon } from '../ui/icon';
import '../ui/icons-more';
import { say } from '../ui/live';
import { openMenu, type MenuItem } from '../ui/menu';
import { Button, Round } from '../ui/parts';
import { toast } from '../ui/toast';
import { Words } from './message';
import { sentence } from './trouble';
import { askChoice, pickLanguage } from './translate-choice';

const LOOK_MS = 150;
const LONG_MS = 600_000;

// -- one reader for the session that is open ---------------------------------------------------

let current: Reader | null = null;

function asked(entry: Entry): void {
  if (entry.t === 'done') say(entry.text);
  else if (entry.t === 'same') toast(entry.from ? t('tr.same', { language: languageName(entry.from) }) : t('tr.sameUnknown'));
  else if (entry.t === 'bad') say(why(entry));
}

export function readerOf(e: Engine): Reader {
  if (current?.engine === e) return current;
  current?.stop();
  current = new Reader(e, { onDone: (n) => say(t('tr.done', { n })), onAsked: asked });
  return current;
}

const reader = (): Reader => readerOf(chats.value!.engine);

/** The language one reads in where a chat has none of its own. */
const own = (e: Engine): string => e.settings.receive ?? language.peek();

/** Why it was not translated, in words. */
export function why(f: Pick<Failure, 'code' | 'waitMs'>): string {
  if (f.code === 'rate_limited' && (f.waitMs ?? 0) > LONG_MS) return t('tr.budget', { time: timeOf(Date.now() + f.waitMs!) });
  return maybe(`err.${f.code}`)?.replace('{seconds}', number(Math.max(1, Math.ceil((f.waitMs ?? 1000) / 1000)))) ?? t('err.engine_failed');
}

// -- a message -----------------------------------------------------------------------------------

/** The words of a message: translated, or as they were written. */
export function Said({ m }: { m: Message }) {
  const shown = reader().shownOf(m);
  return (
    <span class="text" dir="auto" lang={shown ? shown.lang : m.lang}>
      <Words text={shown ? shown.text : m.text} />
    </span>
  );
}

/** The translation that is shown of a message. */
export const shownOf = (m: Message): { text: string; lang: string } | null => reader().shownOf(m);

/** The words as they are shown; '' where they are read as they were written. */
export const wordsOf = (m: Message): string => reader().shownOf(m)?.text ?? '';

/** Under it: who translated from what, and the way to the original; or why nobody did, where somebody asked. */
export function Line({ m }: { m: Message }) {
  const r = reader();
  const e = r.entryOf(m);
  if (!e || e.t === 'same' || (e.t === 'bad' && !e.pressed)) return null;
  if (e.t === 'busy')
    return (
      <div class="trans" aria-busy="true">
        <Icon name="languages" small />
        <span class="grow">{t('tr.busy')}</span>
      </div>
    );
  if (e.t === 'bad')
    return (
      <div class="trans">
        <Icon name="circle-alert" small />
        <span class="grow">
          {why(e)} <Remedy f={e} again={() => r.ask(m, e.to)} source={(from) => r.ask(m, e.to, from)} />
        </span>
      </div>
    );
  const isOriginal = r.originals.value.has(m.key);
  const from = e.from ? languageName(e.from) : '';
  return (
    <div class="trans">
      <Icon name="languages" small />
      <span class="grow">
        {isOriginal ? (from ? t('tr.original', { language: from }) : t('tr.originalUnknown')) : from ? t('tr.from', { language: from }) : t('tr.fromUnknown')}
        {!isOriginal && ' · '}
        {!isOriginal && <bdi>{e.by || t('tr.byDevice')}</bdi>}{' '}
        <button type="button" class="text-button" onClick={() => r.showOriginal(m.key, !isOriginal)}>
          {isOriginal ? t('tr.showTranslation') : t('tr.showOriginal')}
        </button>
      </span>
    </div>
  );
}

/** Asking again changes nothing. */
const hopeless = new Set(['unsupported_language', 'translation_off', 'too_large', 'unknown_language']);

/** What one can do about a failure. */
function Remedy({ f, again, source }: { f: Failure; again: () => void; source?: (from: string) => void }) {
  const to = f.to;
  const choose = <TextButton label={t('tr.choose')} run={() => void askChoice(to).then((ok) => ok && again())} />;
  if (f.code === 'needs_pack' && f.from)
    return (
      <>
        <TextButton label={t('tr.packDo')} run={() => void fetchPack(f.from!, to).then((ok) => ok && again())} /> {choose}
      </>
    );
  if (f.code === 'other_engine' || f.code === 'not_on_device' || f.code === 'no_translator') return choose;
  if (f.code === 'unknown_language' && source)
    return <TextButton label={t('tr.source')} run={() => void pickLanguage(t('tr.sourceTitle'), 'en').then((from) => from && source(from))} />;
  if (f.waitMs !== undefined || hopeless.has(f.code)) return null;
  return <TextButton label={t('tryAgain')} run={again} />;
}

function TextButton({ label, run }: { label: string; run: () => void }) {
  return (
    <button type="button" class="text-button" onClick={run}>
      {label}
    </button>
  );
}

/** A language pack, after the question; called from a press. */
async function fetchPack(from: string, to: string): Promise<boolean> {
  const r = reader();
  const names = { from: languageName(from), to: languageName(to) };
  if (!(await ask({ title: t('tr.packTitle', names), text: t('tr.packText'), yes: t('tr.packDo'), no: t('cancel') }))) return false;
  r.fetching.value = 0;
  try {
    await r.device.fetchPack(from, to, (part) => (r.fetching.value = part));
    r.core.again();
    return true;
  } catch (e) {
    toast(sentence(e), { bad: true });
    return false;
  } finally {
    r.fetching.value = null;
  }
}

/** In the menu of a message, and its key. */
export async function translateMessage(m: Message): Promise<void> {
  const e = chats.peek()!.engine;
  const r = reader();
  if (r.entryOf(m)?.t === 'done') return r.showOriginal(m.key, !r.originals.peek().has(m.key));
  const { receive } = e.inbox.chat(m.chat);
  let to: string | null = receive && receive !== 'off' ? receive : own(e);
  if (!e.settings.translateBy || e.settings.translateBy === 'off') to = await askChoice(to);
  if (to) r.ask(m, to);
}

/** What the item of the menu says. */
export function translateLabel(m: Message): string {
  const r = reader();
  if (r.entryOf(m)?.t !== 'done') return t('tr.translate');
  return r.originals.peek().has(m.key) ? t('tr.showTranslation') : t('tr.showOriginal');
}

/** What is read aloud: the words that are shown, and their language as well as it is known. */
export async function heardOf(message: Message): Promise<{ text: string; lang: string | undefined }> {
  const r = reader();
  const m = asText(message);
  const e = r.entryOf(m);
  return r.shownOf(m) ?? { text: m.text, lang: m.lang ?? (e && 'from' in e && e.from ? e.from : (languageByScript(m.text) ?? (await r.detect(m.text)))) };
}

// -- the chat --------------------------------------------------------------------------------------

/** Looks at what is in view, and has it translated. */
export function Watch({ chat }: { chat: string }) {
  const c = chats.value!;
  const tl = c.timeline(chat);
  const s = c.settings.value;
  const to = targetOf(c.chat(chat).value, s, language.value);
  const keys = tl.keys.value;
  useEffect(() => {
    const r = readerOf(c.engine);
    const box = document.querySelector<HTMLElement>('.time');
    let timer = 0;
    const now = (): void => {
      if (!box || !to || document.visibilityState !== 'visible') return r.core.look([], to ?? language.peek());
      const b = box.getBoundingClientRect();
      const rows = [...box.querySelectorAll<HTMLElement>('.msg[data-key]')].map((el) => {
        const { top, bottom } = el.getBoundingClientRect();
        return { key: el.dataset['key']!, top, bottom };
      });
      r.core.look(inView(rows, b.top, b.bottom).map((row) => tl.signalOf(row.key)?.peek()).filter((m) => m !== undefined), to);
    };
    const look = (): void => {
      clearTimeout(timer);
      timer = setTimeout(now, LOOK_MS) as unknown as number;
    };
    look();
    const off = c.engine.on('messages', (list) => list.some((m) => m.chat === chat) && look());
    box?.addEventListener('scroll', look, { passive: true });
    window.addEventListener('resize', look);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearTimeout(timer);
      off();
      box?.removeEventListener('scroll', look);
      window.removeEventListener('resize', look);
      document.removeEventListener('visibilitychange', look);
    };
  }, [chat, to, keys, s.reads?.join(), s.translateBy, s.translateFor]);
  useEffect(() => () => current?.leave(), [chat, to]);
  return null;
}

/** One quiet line for the chat: why what is in view was not translated. */
export function Notice({ chat }: { chat: string }) {
  const c = chats.value!;
  const r = reader();
  const f = r.failure.value;
  if (r.fetching.value !== null)
    return (
      <p class="banner calm" role="status">
        <Icon name="download" small />
        <span class="grow">{t('tr.packBusy', { percent: Math.round(r.fetching.value * 100) })}</span>
      </p>
    );
  if (!f || !targetOf(c.chat(chat).value, c.settings.value, language.value)) return null;
  return (
    <p class="banner calm" role="status">
      <Icon name="languages" small />
      <span class="grow">{why(f)}</span>
      <Remedy f={f} again={() => r.core.again()} />
    </p>
  );
}

/** The button in the head of a chat: asks who translates at its first press, then is a menu. */
export async function openTalkMenu(anchor: HTMLElement, chat: string): Promise<void> {
  const c = chats.peek()!;
  const e = c.engine;
  const head = c.chat(chat).peek();
  const now = targetOf(head, e.settings, language.peek());
  const set = (to: string): void => void changeChatLanguage(e, chat, to);
  if (!e.settings.translateBy || e.settings.translateBy === 'off') {
    const to = await askChoice(head.receive && head.receive !== 'off' ? head.receive : own(e));
    if (to) set(to);
    return;
  }
  const to = now ?? own(e);
  const items: MenuItem[] = [
    { label: t('tr.this'), icon: 'languages', checked: now !== null, keys: 'T', run: () => set(to) },
    { label: t('tr.not'), icon: 'ban', checked: now === null, keys: 'O', run: () => set('off') },
    { label: t('tr.into', { language: languageName(to) }), icon: 'globe', run: () => void pickLanguage(t('tr.receive'), to).then((x) => x && set(x)) },
  ];
  const isWriting = document.querySelector<HTMLTextAreaElement>('#compose')?.value.trim();
  if (isWriting) items.push({ label: t('tr.draft'), icon: 'pencil', keys: 'W', run: () => (draftAsked.value = chat) });
  items.push({ label: t('tr.settings'), icon: 'settings', line: true, run: () => go({ page: 'settings/advanced' }) });
  openMenu(anchor, t('tr.button'), items);
}

// -- writing ---------------------------------------------------------------------------------------

/** The chat whose draft somebody wants translated. */
const draftAsked = signal('');

/** The language that the others of a chat write, as well as it is known. */
function theirLanguage(e: Engine, chat: string): string | undefined {
  const tl = chats.peek()!.timeline(chat);
  for (const key of [...tl.keys.peek()].reverse()) {
    const m = asText(tl.signalOf(key)!.peek());
    if (m.mine || m.kind === 'system' || m.kind === 'call') continue;
    const entry = readerOf(e).entryOf(m);
    const lang = m.lang ?? (entry && 'from' in entry ? entry.from : undefined) ?? languageByScript(m.text);
    if (lang) return lang;
  }
  return undefined;
}

export interface Drafting {
  chat: string;
  text: Signal<string>;
  swap: Signal<Draft['swap']>;
  onChange: () => void;
}

const isAway = signal(false);

/** Above the words that one writes: has them translated before they leave, and gives the first ones back. */
export function DraftLine({ chat, text, swap, onChange }: Drafting) {
  const c = chats.value!;
  const e = c.engine;
  const put = (words: string, next: Draft['swap']): void => {
    text.value = words;
    swap.value = next;
    onChange();
    document.querySelector<HTMLTextAreaElement>('#compose')?.focus();
  };
  const run = async (to: string): Promise<void> => {
    const words = text.peek();
    if (isAway.peek()) return;
    isAway.value = true;
    try {
      const made = await readerOf(e).core.once(words, await langOf(words), to);
      if (text.peek() !== words) toast(t('tr.draftChanged'));
      else if (made.text === words) toast(t('tr.sameUnknown'));
      else {
        put(made.text, { text: words, lang: to });
        say(made.text);
      }
    } catch (err) {
      toast(sentence(err), { bad: true });
    } finally {
      isAway.value = false;
      if (draftAsked.peek() === chat) draftAsked.value = '';
    }
  };
  const choose = async (now: string | undefined): Promise<void> => {
    const to = await pickLanguage(t('tr.draft'), now ?? 'en');
    if (to) await run(to);
    else draftAsked.value = '';
  };
  const their = theirLanguage(e, chat);
  const isAsked = draftAsked.value === chat;
  useEffect(() => {
    if (isAsked) void (their && !sameLanguage(their, own(e)) ? run(their) : choose(their));
  }, [isAsked]);
  const words = text.value.trim();
  useEffect(() => {
    // as it is now: a draft may have come from the database since this was drawn
    if (!text.peek().trim() && swap.peek()) swap.value = undefined;
  }, [!words]);
  if (!words) return null;
  if (swap.value)
    return (
      <div class="draft-line">
        <Icon name="languages" small />
        <span class="grow">
          <span class="block">{t('tr.draftDone', { language: languageName(swap.value.lang) })}</span>
          <span class="one block quiet-text" dir="auto">
            {swap.value.text}
          </span>
        </span>
        <Button kind="quiet" icon="undo-2" onClick={() => put(swap.peek()!.text, undefined)}>
          {t('tr.draftBack')}
        </Button>
      </div>
    );
  const isOn = targetOf(c.chat(chat).value, c.settings.value, language.value) !== null;
  if (!isOn && !isAsked) return null;
  return (
    <div class="draft-line" aria-busy={isAway.value}>
      <Icon name="languages" small />
      <span class="grow">
        {isAway.value ? (
          <span>{t('tr.busy')}</span>
        ) : (
          <button type="button" class="text-button" onClick={() => void (their ? run(their) : choose(their))}>
            {their ? t('tr.draftTo', { language: languageName(their) }) : t('tr.draft')}
          </button>
        )}
      </span>
      {their && !isAway.value && <Round icon="chevron-down" label={t('tr.draftOther')} onClick={() => void choose(their)} />}
    </div>
  );
}

/** The language of what somebody is about to send: as the browser hears it, else the one they write in, where the letters allow it. */
export async function langOf(text: string): Promise<string | undefined> {
  const e = engine.peek()!;
  const told = languageByScript(text) ?? (await readerOf(e).detect(text));
  const { writes } = e.settings;
  return told ?? (writes && canBeIn(text, writes) ? writes : undefined);
}
