import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { language, t } from '../i18n';
import { chats, linkHere } from '../state/app';
import { Icon } from '../ui/icon';
import { Avatar, Button, Choice, Field, Switch } from '../ui/parts';
import { toast } from '../ui/toast';
import { copyText } from './copy';
import { LanguageChoice } from './signin';
import { Qr } from './qr';
import { attempt } from './trouble';

export function You() {
  const c = chats.value!;
  const user = c.user.value;
  const name = useSignal(user?.display_name ?? c.engine.session.name);
  const isQr = useSignal(false);
  useEffect(() => {
    if (user) name.value = user.display_name;
  }, [user?.display_name]);
  const change = (body: Record<string, unknown>): Promise<boolean> =>
    attempt(async () => {
      const r = await c.engine.api.changeMe(body);
      c.engine.setUser(r.user);
    });
  const link = linkHere(c.engine.session.relay, { to: c.engine.me });
  return (
    <>
      <div class="row-line">
        <Avatar name={user?.display_name || c.engine.me} address={c.engine.me} size="large" />
        <div class="grow">
          <p class="title big-title one" dir="auto">
            {user?.display_name || c.engine.me}
          </p>
          <p class="quiet-text one">{user?.email ?? c.engine.session.email}</p>
        </div>
      </div>
      <form
        class="stack"
        onSubmit={(e) => {
          e.preventDefault();
          void change({ display_name: name.value.trim() }).then((ok) => ok && toast(t('saved.done')));
        }}
      >
        <Field id="my-name" label={t('first.name')} maxLength={64} value={name.value} autoComplete="name" onInput={(e) => (name.value = e.currentTarget.value)} />
        {name.value.trim() !== (user?.display_name ?? '') && (
          <Button kind="main" type="submit">
            {t('save')}
          </Button>
        )}
      </form>
      <div class="field">
        <span class="label">{t('you.address')}</span>
        <div class="row-line">
          <code class="grow one" dir="ltr">
            @{c.engine.me}
          </code>
          <Button icon="copy" onClick={() => void copyText(c.engine.me)}>
            {t('copy')}
          </Button>
          <Button icon="qr-code" aria-expanded={isQr.value} onClick={() => (isQr.value = !isQr.value)}>
            {t('you.qr')}
          </Button>
        </div>
        {isQr.value && <Qr text={link} label={t('you.qrLabel')} />}
      </div>
      <Switch label={t('first.public')} hint={t('first.publicHint')} checked={user?.public_visible ?? true} onChange={(v) => void change({ public_visible: v })} />
      {user && 'group_invites' in user && (
        <Choice
          id="group-invites"
          label={t('you.invites')}
          value={user.group_invites}
          options={[
            ['anybody', t('you.invitesAnybody')],
            ['contacts', t('you.invitesContacts')],
            ['nobody', t('you.invitesNobody')],
          ]}
          onChange={(v) => void change({ group_invites: v })}
        />
      )}
      <Switch label={t('you.presence')} hint={t('you.presenceHint')} checked={c.settings.value.presence} onChange={(v) => void c.engine.saveSettings({ presence: v })} />
      <div class="field">
        <span class="label">{t('settings.language')}</span>
        <LanguageChoice />
        {language.value !== 'en' && (
          <p class="field-hint">
            <Icon name="info" small /> {t('you.unread')}
          </p>
        )}
      </div>
    </>
  );
}
