// Writing: text, reply, edit, files, voice. What is written survives everything.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { newId } from '../base/ids';
import type { Draft, StagedFile } from '../base/model';
import { partsOf } from '../base/model';
import { utf8Length } from '../base/rules';
import { plainName } from '../base/text';
import { language, number, sizeOf, t } from '../i18n';
import { chats, isLocked } from '../state/app';
import { Icon } from '../ui/icon';
import { Round } from '../ui/parts';
import { toast } from '../ui/toast';
import { editing, keyboardOpen, recorder, replying } from './composing';
import { shortOf } from './message';
import { Lazy } from './lazy';
import { reading, spokenLang } from './reading';
import { attempt, sentence } from './trouble';

const isTouch = (): boolean => matchMedia('(pointer: coarse)').matches;
/** Of a button: whoever writes goes on writing after it, and a telephone's own keys stay. */
const keepsFocus = { onMouseDown: (e: Event): void => e.preventDefault() };

function Staged({ files, onRemove, onChange }: { files: StagedFile[]; onRemove: (f: StagedFile) => void; onChange: (f: StagedFile[]) => void }) {
  if (!files.length) return null;
  return (
    <Lazy load={() => import('./attach')} pick={(m) => m.StagedRows} {...{ files, onRemove, onChange }} />
  );
}

export function Composer({ chat }: { chat: string }) {
  const c = chats.value!;
  const e = c.engine;
  const head = c.chat(chat).value;
  const text = useSignal('');
  const subject = useSignal('');
  const files = useSignal<StagedFile[]>([]);
  const swap = useSignal<Draft['swap']>(undefined);
  const loaded = useSignal(false);
  const emoji = useSignal(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  const latest = useRef<() => Promise<void>>(async () => undefined);
  const typed = useRef(0); // changes so far, and those that the database has
  const written = useRef(0);
  const { kind } = partsOf(chat);
  const reply = replying.value?.chat === chat ? replying.value : null;
  const edit = editing.value?.chat === chat ? editing.value : null;

  const draftNow = (): Draft => {
    const r = replying.peek();
    return { chat, text: text.peek(), caret: area.current?.selectionStart ?? text.peek().length, reply: r?.chat === chat ? r.key : undefined, subject: subject.peek() || undefined, files: files.peek(), at: e.now(), swap: swap.peek() };
  };
  const flush = async (): Promise<void> => {
    clearTimeout(timer.current);
    const now = typed.current;
    if (now === written.current || editing.peek()?.chat === chat) return;
    await e.putDraft(draftNow());
    written.current = Math.max(written.current, now); // not before it is there: the page may go meanwhile
  };
  latest.current = flush;
  // a page that goes has no time for the database: its last words wait beside it until it is back
  const atOnce = useRef<() => void>(() => undefined);
  atOnce.current = () => {
    if (typed.current !== written.current && !isLocked.peek() && editing.peek()?.chat !== chat) keepLast(e.session.sid, draftNow());
    void flush();
  };

  const changed = (): void => {
    typed.current++;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => void latest.current(), 300) as unknown as number;
  };

  useEffect(() => {
    let isThere = true;
    void e.store.draft.get(chat).then(async (kept) => {
      if (!isThere) return;
      const last = takeLast(e.session.sid, chat);
      const d = last ?? kept;
      if (last) changed();
      if (d) {
        text.value = d.text;
        subject.value = d.subject ?? '';
        files.value = d.files;
        swap.value = d.swap;
        if (d.reply) {
          const m = await e.store.message.get(d.reply);
          if (m && isThere) replying.value = m;
        }
        requestAnimationFrame(() => area.current?.setSelectionRange(d.caret, d.caret));
      }
      loaded.value = true;
      if (!isTouch()) area.current?.focus({ preventScroll: true });
    });
    const onHide = (): void => void latest.current();
    document.addEventListener('visibilitychange', onHide);
    const onGone = (): void => atOnce.current();
    window.addEventListener('pagehide', onGone);
    return () => {
      isThere = false;
      document.removeEventListener('visibilitychange', onHide);
      window.removeEventListener('pagehide', onGone);
      void latest.current();
      e.typing(chat, false);
      replying.value = null;
      editing.value = null;
    };
  }, [chat]);

  // an edit begins with the words that are there; the draft comes back after it
  const kept = useRef('');
  useLayoutEffect(() => {
    if (!edit) return; // drawn at once: keys that come in between would be lost
    kept.current = text.peek();
    void flush();
    text.value = edit.text;
    requestAnimationFrame(() => area.current?.setSelectionRange(edit.text.length, edit.text.length));
    return () => {
      text.value = kept.current;
    };
  }, [edit?.key]);
  useEffect(() => {
    if (loaded.peek()) changed();
  }, [reply?.key]);

  /** Writing goes on there. A telephone's own keys stay as they are: they come when the field gets the focus. */
  const writeOn = (): void => {
    if (!isTouch()) area.current?.focus();
  };

  const cancel = (): void => {
    (edit ? editing : replying).value = null;
    writeOn();
  };

  // after a voice note one writes on
  const isRecording = recorder.value?.chat === chat;
  const wasRecording = useRef(isRecording);
  useEffect(() => {
    if (wasRecording.current && !isRecording) writeOn();
    wasRecording.current = isRecording;
  }, [isRecording]);

  useLayoutEffect(() => {
    const el = area.current;
    if (!el) return;
    el.style.blockSize = 'auto';
    el.style.blockSize = `${Math.min(el.scrollHeight, 200)}px`;
  }, [text.value, loaded.value]);

  const most = c.config.value?.limits.max_text_bytes ?? 65536;
  const isTooLong = text.value.length > most / 4 && utf8Length(text.value) > most;
  const isReadOnly = (head.kind === 'stream' && head.role === 'member') || (chat.startsWith('grp_') && head.role === '') || chat === 'relay';
  const hasWords = text.value.trim().length > 0;
  const canSend = (hasWords || files.value.length > 0) && !isTooLong;

  const send = async (): Promise<void> => {
    // what is there now, not what was drawn last: keys may come faster than the page is drawn
    const words = text.peek().trim();
    if ((!words && !files.peek().length) || utf8Length(words) > most) return;
    if (edit) {
      editing.value = null;
      writeOn();
      if (words && words !== edit.text) await attempt(() => e.edit(edit, words));
      return;
    }
    const out = { chat, text: words, reply: reply?.id, subject: subject.peek().trim() || undefined, files: files.peek(), lang: swap.peek()?.lang ?? spokenLang(words, e.settings) };
    text.value = '';
    files.value = [];
    subject.value = '';
    swap.value = undefined;
    replying.value = null;
    emoji.value = false;
    typed.current++;
    writeOn();
    try {
      // voice notes go one by one, other files together with the words
      const notes = out.files.filter((f) => f.voice);
      const rest = out.files.filter((f) => !f.voice);
      for (const n of notes) await e.send({ chat, text: '', kind: 'voice', files: [n], reply: rest.length || words ? undefined : out.reply });
      if (words || rest.length) {
        const limit = 10;
        for (let i = 0; i < Math.max(rest.length, 1); i += limit) await e.send({ ...out, text: i === 0 ? words : '', files: rest.slice(i, i + limit), reply: i === 0 ? out.reply : undefined });
      }
    } catch (err) {
      text.value = words;
      files.value = out.files;
      toast(sentence(err), { bad: true });
    }
    await flush();
    e.typing(chat, false);
    void askToKeep();
  };

  const stage = async (list: Iterable<File>): Promise<void> => {
    if (kind === 'outside') return toast(t('outside.noFiles'), { bad: true });
    const { prepare } = await import('./prepare');
    for (const f of list) {
      const biggest = c.config.value?.limits.max_upload_bytes ?? Infinity;
      if (f.size > biggest) {
        toast(t('err.file_too_large', { name: f.name, size: sizeOf(biggest) }), { bad: true });
        continue;
      }
      await attempt(async () => {
        const p = await prepare(f, { keepData: c.settings.value.keepPhotoData });
        const key = await e.stage(p.blob);
        files.value = [...files.peek(), { key, ...p.about }];
        changed();
      });
    }
    writeOn();
  };

  const unstage = (f: StagedFile): void => {
    files.value = files.peek().filter((x) => x !== f);
    void e.store.file.del(f.key);
    changed();
    writeOn();
  };

  const insert = (s: string): void => {
    const el = area.current!;
    writeOn();
    if (document.activeElement !== el || !document.execCommand('insertText', false, s)) el.setRangeText(s, el.selectionStart, el.selectionEnd, 'end');
    text.value = el.value;
    changed();
  };

  const onKey = (ev: KeyboardEvent): void => {
    // Safari ends a composition before it tells of Enter: 229 stands for it
    if (ev.isComposing || ev.keyCode === 229) return;
    if (ev.key === 'Enter' && !ev.shiftKey && (ev.ctrlKey || ev.metaKey || (c.settings.value.enterSends && !isTouch()))) {
      ev.preventDefault();
      void send();
    } else if (ev.key === 'Escape' && (edit || reply || emoji.value)) {
      ev.preventDefault();
      ev.stopPropagation();
      if (emoji.value) emoji.value = false;
      else cancel();
    } else if (ev.key === 'ArrowUp' && !text.peek() && !edit) {
      const tl = c.timeline(chat);
      const mine = tl.keys.peek().map((k) => tl.signalOf(k)!.peek()).filter((m) => m.mine && m.kind === 'text' && !m.withdrawn && e.now() - m.at < 15 * 60_000);
      const last = mine[mine.length - 1];
      if (last) {
        ev.preventDefault();
        editing.value = last;
      } else {
        ev.preventDefault();
        const bubbles = document.querySelectorAll<HTMLElement>('.time .bubble');
        bubbles[bubbles.length - 1]?.focus();
      }
    }
  };

  if (isReadOnly && chat !== 'relay')
    return (
      <div class="compose">
        <p class="read-only">
          <Icon name={head.kind === 'stream' ? 'radio' : 'info'} small />
          <span>{head.invited ? t('group.invitedLine') : head.role === '' ? t('group.leftLine') : t('group.readers')}</span>
        </p>
        {(hasWords || files.value.length > 0) && <p class="read-only quiet-text">{t('draft.kept')}</p>}
      </div>
    );
  if (chat === 'relay') return <div class="compose" />;

  const rec = recorder.value;
  if (rec && rec.chat === chat)
    return (
      <div class="compose">
        <Lazy
          load={() => import('./voice')}
          pick={(m) => m.VoicePanel}
          {...{
            onDone: async (note: { blob: Blob; ms: number; waveform: number[] }) => {
              const key = await e.stage(note.blob);
              const f: StagedFile = { key, name: `voice-${newId().slice(0, 6)}.${/mp4/.test(note.blob.type) ? 'm4a' : /ogg/.test(note.blob.type) ? 'ogg' : 'webm'}`, mime: note.blob.type.split(';')[0]!, size: note.blob.size, duration_ms: note.ms, waveform: note.waveform, voice: true };
              await e.send({ chat, text: '', kind: 'voice', files: [f], reply: reply?.id });
              replying.value = null;
            },
          }}
        />
      </div>
    );

  const R = reading.value;
  return (
    <div
      class="compose"
      onDragOver={(ev) => {
        if (ev.dataTransfer?.types.includes('Files')) ev.preventDefault();
      }}
      onDrop={(ev) => {
        if (!ev.dataTransfer?.files.length) return;
        ev.preventDefault();
        void stage(ev.dataTransfer.files);
      }}
    >
      {(edit || reply) && (
        <div class="about-line">
          <Icon name={edit ? 'pencil' : 'reply'} small />
          <span class="grow">
            <span class="who block">{edit ? t('editing') : t('replyTo', { name: reply!.mine ? t('you') : plainName(reply!.name) })}</span>
            <span class="one block" dir="auto">
              {shortOf((edit ?? reply)!)}
            </span>
          </span>
          <Round icon="x" label={t('cancel')} {...keepsFocus} onClick={cancel} />
        </div>
      )}
      <Staged
        files={edit ? [] : files.value}
        onRemove={unstage}
        onChange={(list) => {
          files.value = list;
          changed();
        }}
      />
      {R && !edit && <R.DraftLine chat={chat} text={text} swap={swap} onChange={changed} />}
      {kind === 'outside' && <Lazy load={() => import('./outside-line')} pick={(m) => m.OutsideLine} {...{ chat, text: text.value, subject, onSubject: changed }} />}
      {emoji.value && <Lazy load={() => import('./emoji')} pick={(m) => m.EmojiPanel} {...{ onPick: insert, onClose: () => ((emoji.value = false), area.current?.focus()) }} />}
      <div class="box">
        {(edit || kind !== 'outside') && <Round icon={edit ? 'x' : 'plus'} label={edit ? t('cancel') : t('attach')} {...keepsFocus} onClick={() => (edit ? cancel() : picker.current!.click())} />}
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={(ev) => {
            const list = [...(ev.currentTarget.files ?? [])];
            ev.currentTarget.value = '';
            void stage(list);
          }}
        />
        <textarea
          id="compose"
          ref={area}
          rows={1}
          dir="auto"
          placeholder={t('compose.write')}
          aria-label={t('compose.write')}
          aria-invalid={isTooLong || undefined}
          value={text.value}
          enterkeyhint={c.settings.value.enterSends && !isTouch() ? 'send' : 'enter'}
          onInput={(ev) => {
            text.value = ev.currentTarget.value;
            if (!edit) {
              changed();
              e.typing(chat, !!ev.currentTarget.value);
            }
          }}
          onKeyDown={onKey}
          onPaste={(ev) => {
            const list = [...(ev.clipboardData?.files ?? [])];
            if (!list.length || edit) return;
            ev.preventDefault();
            void stage(list);
          }}
        />
        {c.settings.value.dictate && <Lazy load={() => import('./dictation')} pick={(m) => m.Dictate} {...{ onText: insert }} />}
        <Round icon="smile" label={t('emoji')} class="extra" aria-pressed={emoji.value} onClick={() => (emoji.value = !emoji.value)} />
        <Round icon="keyboard" label={t('kb.open')} aria-pressed={keyboardOpen.value} {...keepsFocus} onClick={() => (keyboardOpen.value = !keyboardOpen.value)} />
        {canSend || edit || kind === 'outside' ? (
          <Round icon={edit ? 'check' : 'send'} label={edit ? t('save') : t('send')} main disabled={!canSend} {...keepsFocus} onClick={() => void send()} />
        ) : (
          <Round icon="mic" label={t('voice.record')} main onClick={() => void import('./recording').then((x) => x.startRecording(chat))} />
        )}
      </div>
      {isTooLong && (
        <p class="field-error compose-note" role="alert">
          {t('err.too_long', { n: number(utf8Length(text.value) - most) })}
        </p>
      )}
    </div>
  );
}

const lastKey = 'webchat.last-words';

function keepLast(sid: string, d: Draft): void {
  try {
    sessionStorage.setItem(lastKey, JSON.stringify({ sid, d }));
  } catch {
    /* no room for it */
  }
}

function takeLast(sid: string, chat: string): Draft | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(lastKey) ?? 'null') as { sid: string; d: Draft } | null;
    if (kept?.sid !== sid || kept.d.chat !== chat) return undefined;
    sessionStorage.removeItem(lastKey);
    return kept.d;
  } catch {
    return undefined;
  }
}

let isAsked = false;
/** Asked once there is something to lose. */
async function askToKeep(): Promise<void> {
  if (isAsked || !navigator.storage?.persist) return;
  isAsked = true;
  await navigator.storage.persist().catch(() => false);
}

export { language };
