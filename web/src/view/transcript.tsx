// A voice note as text: under its player, on request or by itself, with the name of whoever wrote it down.
import { useEffect, useRef } from 'preact/hooks';
import type { Message } from '../base/model';
import { hearerOf, isShortEnough, recordingOf, type Hearing } from '../core/transcripts';
import { changeVoice } from '../core/prefs';
import type { Engine } from '../core/engine';
import { maybe, number, t, timeOf } from '../i18n';
import { chats } from '../state/app';
import { Hearer } from '../state/transcripts';
import { ask } from '../ui/dialog';
import { Icon } from '../ui/icon';
import '../ui/icons-more';
import { say } from '../ui/live';
import type { MenuItem } from '../ui/menu';
import { Words } from './message';
import { reading } from './reading';

const LONG_MS = 600_000;

let current: Hearer | null = null;

function hearerFor(e: Engine): Hearer {
  if (current?.engine === e) return current;
  current?.stop();
  current = new Hearer(
    e,
    (m, pressed) => pressed && say(m.transcript!.text || t('stt.nothing')),
    (h) => say(why(h)),
  );
  return current;
}

const hearer = (): Hearer => hearerFor(chats.value!.engine);

/** Why there is no text, in words. */
function why(h: Hearing): string {
  if (h.t !== 'bad') return '';
  if (h.code === 'rate_limited' && (h.waitMs ?? 0) > LONG_MS) return t('stt.budget', { time: timeOf(Date.now() + h.waitMs!) });
  const own = maybe(`stt.${h.code}`) ?? (h.code === 'timeout' || h.code === 'unreachable' || h.code === 'credential_invalid' ? maybe(`err.${h.code}`) : undefined) ?? t('stt.engine_failed');
  return !h.again || h.waitMs === undefined ? own : `${own} ${t('stt.again', { seconds: number(Math.max(1, Math.ceil(h.waitMs / 1000))) })}`;
}

/** Asking again changes nothing. */
const hopeless = new Set(['too_large', 'unknown_file', 'transcription_off', 'invalid_field']);

/** Where recordings go, for whoever decides about it. */
export function whereTo(e: Engine): string {
  const c = e.config?.transcription;
  const name = c?.name || t('stt.engine');
  return `${c?.engine === 'local' ? t('stt.local', { name }) : t('stt.remote', { name })} ${t('stt.lend')}`;
}

/** Has one written down; the first time after the question who may hear it. */
async function show(m: Message): Promise<void> {
  const e = chats.peek()!.engine;
  const wanted = hearerOf(e.config);
  hearerFor(e).hide(m.key, false);
  if (m.transcript) return;
  if (e.settings.voiceFor !== wanted) {
    if (!(await ask({ title: t('stt.askTitle'), text: whereTo(e), yes: t('stt.askYes'), no: t('cancel') }))) return;
    await changeVoice(e, { voiceAuto: e.settings.voiceAuto, voiceFor: wanted });
  }
  hearerFor(e).core.press(m);
}

/** Whether there is somebody who would write this one down. */
const canAsk = (e: Engine, m: Message): boolean => !!hearerOf(e.config) && !!recordingOf(m);

export function transcriptItem(m: Message): MenuItem | null {
  const e = chats.peek()!.engine;
  const h = hearerFor(e);
  if (m.transcript?.text && !h.hidden.peek().has(m.key)) return { label: t('stt.hide'), icon: 'file-text', keys: 'V', run: () => h.hide(m.key, true) };
  return m.transcript?.text || canAsk(e, m) ? { label: t('stt.show'), icon: 'file-text', keys: 'V', run: () => void show(m) } : null;
}

/** Asks for what is seen, where one wants all of them as text. */
function useView(m: Message, isWanted: boolean) {
  const own = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const row = own.current;
    if (!isWanted || !row) return;
    const h = hearer();
    const watch = new IntersectionObserver((seen) => h.core.want(m, seen.some((x) => x.isIntersecting) && document.visibilityState === 'visible'));
    const again = (): void => (watch.disconnect(), watch.observe(row));
    again();
    document.addEventListener('visibilitychange', again);
    return () => {
      watch.disconnect();
      document.removeEventListener('visibilitychange', again);
      h.core.want(m, false);
    };
  }, [m.key, isWanted]);
  return own;
}

function TextButton({ label, run }: { label: string; run: () => void }) {
  return (
    <button type="button" class="text-button" onClick={run}>
      {label}
    </button>
  );
}

function Written({ m }: { m: Message }) {
  const shown = reading.value?.shownOf(m);
  const { text, lang, by } = m.transcript!;
  const h = hearer();
  return (
    <>
      {text && (
        <div class="spoken text" dir="auto" lang={shown ? shown.lang : lang}>
          <Words text={shown ? shown.text : text} />
        </div>
      )}
      <div class="trans">
        <Icon name="file-text" small />
        <span class="grow">
          {text ? t('stt.by') : t('stt.nothing')} · <bdi>{by}</bdi> {text && <TextButton label={t('stt.hide')} run={() => h.hide(m.key, true)} />}
        </span>
      </div>
    </>
  );
}

export function Spoken({ m }: { m: Message }) {
  const c = chats.value!;
  const s = c.settings.value;
  const h = hearer();
  const now = h.of(m.key).value;
  const isHidden = h.hidden.value.has(m.key);
  const engine = hearerOf(c.config.value);
  const can = !!engine && !!recordingOf(m);
  const isWanted = can && !m.transcript && !m.mine && s.voiceAuto === true && s.voiceFor === engine && isShortEnough(m, c.config.value?.limits);
  const own = useView(m, isWanted);
  if (m.transcript && !isHidden) return <Written m={m} />;
  if (!m.transcript && !can) return null;
  const isBusy = !m.transcript && now?.t === 'busy';
  const bad = !m.transcript && now?.t === 'bad' ? now : null;
  return (
    <div ref={own} class="trans" aria-busy={isBusy}>
      <Icon name={bad ? 'circle-alert' : 'file-text'} small />
      {isBusy ? (
        <span class="grow">{t('stt.busy')}</span>
      ) : bad ? (
        <span class="grow">
          {why(bad)} {!bad.again && !hopeless.has(bad.code) && <TextButton label={t('tryAgain')} run={() => void show(m)} />}
        </span>
      ) : (
        <TextButton label={t('stt.show')} run={() => void show(m)} />
      )}
    </div>
  );
}
