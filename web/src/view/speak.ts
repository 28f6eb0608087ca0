// Reading aloud by the browser's own voices: the words that are shown, in their language.
import { baseOf } from '../base/lang';
import type { Message } from '../base/model';
import { language, languageName, t } from '../i18n';
import { toast } from '../ui/toast';
import { loadReading } from './reading';

const VOICES_MS = 1000;

/** Some browsers have their voices only a moment after they are first asked. */
function voices(): Promise<SpeechSynthesisVoice[]> {
  const now = speechSynthesis.getVoices();
  if (now.length) return Promise.resolve(now);
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      speechSynthesis.removeEventListener('voiceschanged', end);
      done(speechSynthesis.getVoices());
    };
    const timer = setTimeout(end, VOICES_MS);
    speechSynthesis.addEventListener('voiceschanged', end);
  });
}

/** A voice of the device before one of somebody's servers, which would get the words. */
function voiceFor(lang: string, all: SpeechSynthesisVoice[]): SpeechSynthesisVoice | undefined {
  const fit = all.filter((v) => baseOf(v.lang) === baseOf(lang) && v.localService !== false);
  return fit.find((v) => v.lang.replace('_', '-').toLowerCase() === lang.toLowerCase()) ?? fit[0];
}

export async function speak(m: Message): Promise<void> {
  if (speechSynthesis.speaking) {
    speechSynthesis.cancel();
    return;
  }
  const heard = await loadReading().then((r) => r.heardOf(m));
  const lang = heard.lang ?? language.peek();
  const voice = voiceFor(lang, await voices());
  if (!voice) {
    toast(t('speak.none', { language: languageName(lang) }));
    return;
  }
  const u = new SpeechSynthesisUtterance(heard.text);
  u.voice = voice;
  u.lang = voice.lang;
  speechSynthesis.speak(u);
}
