import { useSignal } from '@preact/signals';
import { isTrouble } from '../base/trouble';
import { t, timeOf } from '../i18n';
import { chats } from '../state/app';
import { Icon } from '../ui/icon';
import { canPush, hasPush, startPush, stopPush } from '../state/push';
import { Button, Choice, Switch } from '../ui/parts';
import { toast } from '../ui/toast';
import { sentence } from './trouble';

export function Notifications() {
  const c = chats.value!;
  const s = c.settings.value;
  const state = useSignal(typeof Notification === 'undefined' ? 'none' : Notification.permission);
  const save = (x: Partial<typeof s>): void => void c.engine.saveSettings(x);
  return (
    <>
      {state.value === 'default' && (
        <p class="notice">
          <Icon name="bell" small />
          <span class="grow">{t('notify.ask')}</span>
          <Button kind="main" onClick={() => void Notification.requestPermission().then((p) => (state.value = p))}>
            {t('notify.allow')}
          </Button>
        </p>
      )}
      {state.value === 'denied' && (
        <p class="notice bad">
          <Icon name="bell-off" small />
          <span>{t('notify.denied')}</span>
        </p>
      )}
      {state.value === 'none' && <p class="notice">{t('notify.none')}</p>}
      <Switch label={t('notify.system')} checked={s.notify} onChange={(v) => save({ notify: v })} />
      <PushPart />
      <Switch label={t('notify.text')} hint={t('notify.textHint')} checked={s.notifyText} onChange={(v) => save({ notifyText: v })} />
      <Switch label={t('notify.sound')} checked={s.sound} onChange={(v) => save({ sound: v })} />
      <Choice
        id="quiet"
        label={t('notify.quiet')}
        value={s.quietUntil > Date.now() ? 1 : 0}
        options={[[0, t('off')], ...(s.quietUntil > Date.now() ? ([[1, t('notify.quietUntil', { time: timeOf(s.quietUntil) })]] as [number, string][]) : []), [3600, t('hours', { n: 1 })], [28800, t('hours', { n: 8 })], [86400, t('hours', { n: 24 })]]}
        onChange={(v) => v !== 1 && save({ quietUntil: v ? Date.now() + v * 1000 : 0 })}
      />
      <h3 class="small-head">{t('notify.others')}</h3>
      <Switch label={t('notify.receipts')} hint={t('notify.receiptsHint')} checked={s.readReceipts} onChange={(v) => save({ readReceipts: v })} />
      <Switch label={t('notify.typing')} hint={t('notify.typingHint')} checked={s.sendTyping} onChange={(v) => save({ sendTyping: v })} />
    </>
  );
}

/** Being told while WebChat is closed: who learns what of it stands beside the switch. */
function PushPart() {
  const c = chats.value!;
  const e = c.engine;
  void c.config.value;
  const can = canPush() && hasPush(e);
  const wanted = useSignal<boolean | null>(null);
  const change = async (on: boolean): Promise<void> => {
    wanted.value = on;
    try {
      if (!on) await stopPush(e);
      else if (!(await startPush(e))) toast(t('notify.denied'), { bad: true });
    } catch (err) {
      toast(isTrouble(err) ? sentence(err) : t('push.failed'), { bad: true });
    } finally {
      wanted.value = null;
    }
  };
  return (
    <Switch
      label={t('push.on')}
      hint={can ? t('push.hint') : canPush() ? t('push.none') : t('cannotHere')}
      checked={wanted.value ?? (can && !!c.settings.value.push)}
      disabled={!can}
      onChange={(on) => void change(on)}
    />
  );
}
