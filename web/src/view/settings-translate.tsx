// Reading and writing in languages: who translates, what is left alone, what one's messages say of themselves.
import { changeReading } from '../core/prefs';
import { language, languageName, t } from '../i18n';
import { chats } from '../state/app';
import { hasDetector } from '../state/translations';
import { Button, Choice, Switch } from '../ui/parts';
import { keepChoice, languageChoices, WhoChoice } from './translate-choice';

export function TranslatePart() {
  const c = chats.value!;
  const e = c.engine;
  const s = c.settings.value;
  const reads = s.reads ?? [];
  const setReads = (next: string[]): void => void changeReading(e, { reads: next });
  const readIn = s.receive ?? language.value;
  const isOn = !!s.translateBy && s.translateBy !== 'off';
  return (
    <section class="stack">
      <h3 class="small-head">{t('tr.head')}</h3>
      <WhoChoice value={s.translateBy} onChange={(who) => void keepChoice(who)} />
      <Choice id="read-in" label={t('tr.receive')} value={readIn} options={languageChoices([s.receive])} onChange={(to) => void changeReading(e, { receive: to })} />
      <div class="field">
        <label for="also-read">{t('tr.reads')}</label>
        {reads.length > 0 && (
          <ul class="plain row-line wrap">
            {reads.map((tag) => (
              <li key={tag}>
                <Button icon="x" aria-label={t('tr.readsRemove', { language: languageName(tag) })} onClick={() => setReads(reads.filter((x) => x !== tag))}>
                  {languageName(tag)}
                </Button>
              </li>
            ))}
          </ul>
        )}
        <select id="also-read" value="" onChange={(ev) => ev.currentTarget.value && setReads([...reads, ev.currentTarget.value])}>
          <option value="">{t('tr.readsAdd')}</option>
          {languageChoices()
            .filter(([tag]) => !reads.includes(tag) && tag !== readIn)
            .map(([tag, name]) => (
              <option key={tag} value={tag}>
                {name}
              </option>
            ))}
        </select>
        <p class="field-hint">{t('tr.readsHint')}</p>
      </div>
      <Switch label={t('tr.all')} hint={t('tr.allHint')} checked={isOn && s.translateAll === true} disabled={!isOn} onChange={(on) => void changeReading(e, { translateAll: on })} />
      <Choice
        id="write-in"
        label={t('tr.writes')}
        value={s.writes ?? ''}
        options={[['', hasDetector() ? t('tr.writesAuto') : t('tr.writesNone')], ...languageChoices([s.writes])]}
        hint={t('tr.writesHint')}
        onChange={(tag) => void changeReading(e, { writes: tag || undefined })}
      />
    </section>
  );
}
