// Voice notes as text, and dictation: who hears it, and only after somebody asked for it.
import { changeVoice } from '../core/prefs';
import { hearerOf } from '../core/transcripts';
import { t } from '../i18n';
import { chats } from '../state/app';
import { Switch } from '../ui/parts';
import { hasDictation } from './dictation';
import { whereTo } from './transcript';

export function VoicePart() {
  const c = chats.value!;
  const e = c.engine;
  const s = c.settings.value;
  const engine = hearerOf(c.config.value);
  const can = hasDictation();
  return (
    <section class="stack">
      <h3 class="small-head">{t('stt.head')}</h3>
      <Switch
        label={t('stt.auto')}
        hint={engine ? `${t('stt.autoHint')} ${whereTo(e)}` : t('stt.none')}
        checked={!!engine && s.voiceAuto === true && s.voiceFor === engine}
        disabled={!engine}
        onChange={(on) => void changeVoice(e, { voiceAuto: on, voiceFor: engine })}
      />
      <Switch label={t('dictate.on')} hint={can ? t('dictate.hint') : t('cannotHere')} checked={can && s.dictate === true} disabled={!can} onChange={(on) => void e.saveSettings({ dictate: on })} />
    </section>
  );
}
