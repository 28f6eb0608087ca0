// Dictation by the browser's own recognition: what is said becomes text at the caret, and stays a draft.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { language, languageName, t } from '../i18n';
import { chats } from '../state/app';
import '../ui/icons-more';
import { say } from '../ui/live';
import { Round } from '../ui/parts';
import { toast } from '../ui/toast';

interface Heard extends Event {
  resultIndex: number;
  results: ArrayLike<ArrayLike<{ transcript: string }> & { isFinal: boolean }>;
}

interface Recognition extends EventTarget {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  processLocally?: boolean;
  start(): void;
  stop(): void;
  abort(): void;
}

interface RecognitionClass {
  new (): Recognition;
  /** Newer browsers say whether they can do it without their maker. */
  available?(o: { langs: string[]; processLocally: boolean }): Promise<string>;
}

function recognition(): RecognitionClass | undefined {
  const w = globalThis as unknown as { SpeechRecognition?: RecognitionClass; webkitSpeechRecognition?: RecognitionClass };
  return w.SpeechRecognition ?? w.webkitSpeechRecognition;
}

export const hasDictation = (): boolean => isSecureContext && !!recognition();

const isListening = signal(false);
/** What was heard and may still change. */
const unsure = signal('');

const spoken = (): string => chats.peek()!.engine.settings.writes ?? language.peek();

/** Sentences for what browsers say went wrong; what somebody did themselves needs none. */
function troubleOf(code: string): string {
  if (code === 'not-allowed' || code === 'service-not-allowed') return t('voice.denied');
  if (code === 'audio-capture') return t('voice.none');
  if (code === 'network') return t('dictate.network');
  if (code === 'no-speech') return t('stt.nothing');
  if (code === 'language-not-supported') return t('dictate.language', { language: languageName(spoken()) });
  return code === 'aborted' ? '' : t('dictate.failed');
}

/** A blank before it where it would stick to the word before the caret. */
function spaced(text: string): string {
  const area = document.querySelector<HTMLTextAreaElement>('#compose');
  const before = area?.value.slice(0, area.selectionStart) ?? '';
  return before && !/\s$/u.test(before) && /^[\p{L}\p{N}]/u.test(text) && /[\p{L}\p{N}\p{P}]$/u.test(before) ? ` ${text}` : text;
}

let current: Recognition | null = null;

function end(): void {
  current?.abort();
  current = null;
  isListening.value = false;
  unsure.value = '';
}

async function begin(onText: (text: string) => void): Promise<void> {
  const Made = recognition()!;
  const r = new Made();
  current = r;
  r.lang = spoken();
  r.continuous = true;
  r.interimResults = true;
  const local = await Made.available?.({ langs: [r.lang], processLocally: true }).catch(() => '');
  if (current !== r) return; // pressed again meanwhile
  if (local === 'available') r.processLocally = true;
  r.addEventListener('result', (ev) => {
    const { results, resultIndex } = ev as Heard;
    let open = '';
    for (let i = resultIndex; i < results.length; i++) {
      const text = results[i]![0]?.transcript.trim() ?? '';
      if (!results[i]!.isFinal) open += `${text} `;
      else if (text && current === r) {
        onText(spaced(text));
        say(text);
      }
    }
    unsure.value = open.trim();
  });
  r.addEventListener('error', (ev) => {
    const words = troubleOf((ev as Event & { error?: string }).error ?? '');
    if (words) toast(words, { bad: true });
  });
  r.addEventListener('end', () => current === r && end());
  isListening.value = true;
  r.start();
}

export function Dictate({ onText }: { onText?: (text: string) => void }) {
  useEffect(() => end, []);
  useEffect(() => {
    // whoever sends, leaves or takes it back is not written along with
    const onKey = (e: KeyboardEvent): void => void (e.key === 'Escape' && isListening.peek() && (e.stopPropagation(), end()));
    const onHide = (): void => void (document.visibilityState === 'hidden' && end());
    document.addEventListener('keydown', onKey, true);
    document.addEventListener('visibilitychange', onHide);
    return () => {
      document.removeEventListener('keydown', onKey, true);
      document.removeEventListener('visibilitychange', onHide);
    };
  }, []);
  if (!hasDictation()) return null;
  const on = isListening.value;
  return (
    <>
      <Round icon="audio-lines" label={on ? t('dictate.stop') : t('dictate.start')} aria-pressed={on} onMouseDown={(ev) => ev.preventDefault()} onClick={() => (on ? end() : void begin((text) => onText?.(text)))} />
      {on && (
        <p class="heard" role="status" dir="auto">
          {unsure.value || t('dictate.listening')}
        </p>
      )}
    </>
  );
}
