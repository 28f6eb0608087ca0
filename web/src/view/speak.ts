// Reading aloud by the browser's own voices.
import type { Message } from '../base/model';
import { language, languageName, t } from '../i18n';
import { toast } from '../ui/toast';

function voiceFor(lang: string): SpeechSynthesisVoice | undefined {
  const voices = speechSynthesis.getVoices();
  const base = lang.toLowerCase().split('-')[0]!;
  return voices.find((v) => v.lang.toLowerCase() === lang.toLowerCase()) ?? voices.find((v) => v.lang.toLowerCase().startsWith(base));
}

export function speak(m: Message): void {
  if (speechSynthesis.speaking) {
    speechSynthesis.cancel();
    return;
  }
  const lang = m.lang ?? language.peek();
  const voice = voiceFor(lang);
  if (!voice) {
    toast(t('speak.none', { language: languageName(lang) }));
    return;
  }
  const u = new SpeechSynthesisUtterance(m.text);
  u.voice = voice;
  u.lang = voice.lang;
  speechSynthesis.speak(u);
}
