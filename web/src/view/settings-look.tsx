import { t } from '../i18n';
import { chats, look, setLook, type Theme } from '../state/app';
import { Choice, Switch } from '../ui/parts';

const themes: Theme[] = ['system', 'light', 'dark', 'contrast'];

export function Look() {
  const c = chats.value!;
  return (
    <>
      <fieldset class="themes">
        <legend>{t('look.theme')}</legend>
        {themes.map((id) => (
          <label key={id} class="theme">
            <input type="radio" name="theme" checked={look.value.theme === id} onChange={() => void setLook({ theme: id })} />
            <span class={`theme-sample ${id}`} aria-hidden="true">
              <i />
              <i />
            </span>
            <span>{t(`theme.${id}`)}</span>
          </label>
        ))}
      </fieldset>
      <Choice id="text-size" label={t('look.size')} value={look.value.textSize} options={[[90, t('look.small')], [100, t('look.normal')], [115, t('look.large')], [130, t('look.larger')]]} onChange={(v) => void setLook({ textSize: v })} />
      <Switch label={t('look.motion')} hint={t('look.motionHint')} checked={look.value.motion === 'less'} onChange={(v) => void setLook({ motion: v ? 'less' : 'system' })} />
      <Switch label={t('look.enter')} hint={t('look.enterHint')} checked={c.settings.value.enterSends} onChange={(v) => void c.engine.saveSettings({ enterSends: v })} />
    </>
  );
}
