// The page is under a passphrase.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { t } from '../i18n';
import { unlock } from '../state/app';
import { forgetDevice } from '../state/leaving';
import { ask } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Button, Field } from '../ui/parts';

export function Locked() {
  const words = useSignal('');
  const bad = useSignal('');
  const busy = useSignal(false);
  return (
    <main class="signin">
      <form
        class="signin-card stack"
        onSubmit={(e) => {
          e.preventDefault();
          busy.value = true;
          bad.value = '';
          void unlock(words.value).then((ok) => {
            busy.value = false;
            if (!ok) bad.value = t('lock.wrong');
          });
        }}
      >
        <header>
          <Icon name="lock" />
          <h1>{t('lock.title')}</h1>
        </header>
        <Field id="passphrase" type="password" autoComplete="current-password" autofocus label={t('lock.passphrase')} value={words.value} error={bad.value} onInput={(e) => (words.value = e.currentTarget.value)} />
        <Button kind="main" type="submit" busy={busy.value}>
          {t('lock.open')}
        </Button>
        <button type="button" class="text-button" onClick={() => void ask({ title: t('leave.forget'), text: t('lock.forgot'), yes: t('leave.forget'), no: t('cancel'), bad: true }).then((yes) => void (yes && forgetDevice()))}>
          {t('lock.forget')}
        </button>
      </form>
    </main>
  );
}
