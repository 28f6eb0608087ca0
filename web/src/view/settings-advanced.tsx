// Advanced relay, phone bridge, translation: which relay this page uses, phones and keys, languages.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { isEncrypted, isThisMachine, relayUrl } from '../base/rules';
import { t } from '../i18n';
import { chooseRelay, engine, home, knownRelays, mayAsk, phase, place, tryRelay } from '../state/app';
import { Icon } from '../ui/icon';
import { Button, Field } from '../ui/parts';
import { KeyboardPart } from './keyboard';
import { TranslatePart } from './settings-translate';
import { VoicePart } from './settings-voice';
import { askTrust, lookAt, type Looked } from './signin';
import { Lazy } from './lazy';
import { sentence } from './trouble';

const resumeKey = 'webchat.check';

export function Advanced() {
  return (
    <>
      <RelayPart />
      <Lazy load={() => import('./settings-bridge')} pick={(m) => m.PhonePart} />
      <TranslatePart />
      <VoicePart />
      <KeyboardPart />
    </>
  );
}

function RelayPart() {
  const e = engine.value!;
  const url = useSignal(sessionStorage.getItem(resumeKey) ?? e.session.relay);
  const found = useSignal<Looked | null>(null);
  const error = useSignal('');
  const busy = useSignal(false);

  const check = async (): Promise<Looked | null> => {
    const relay = relayUrl(url.value);
    found.value = null;
    error.value = '';
    if (!relay) {
      error.value = t('err.relayUrl');
      return null;
    }
    url.value = relay;
    if (!mayAsk(relay)) {
      // the page may ask only relays that it knew when it was loaded
      tryRelay(relay);
      sessionStorage.setItem(resumeKey, relay);
      location.reload();
      return null;
    }
    busy.value = true;
    try {
      found.value = await lookAt(relay);
      return found.value;
    } catch (err) {
      error.value = sentence(err);
      return null;
    } finally {
      busy.value = false;
    }
  };
  useEffect(() => {
    if (!sessionStorage.getItem(resumeKey)) return;
    sessionStorage.removeItem(resumeKey);
    void check();
  }, []);
  const save = async (): Promise<void> => {
    const l = await check();
    if (!l) return;
    if (!knownRelays().includes(l.relay) && l.relay !== home && !(await askTrust(l))) return;
    chooseRelay(l.relay);
    if (l.relay !== e.session.relay) phase.value = 'signin';
  };
  void place.value;
  return (
    <section class="stack">
      <label class="radio">
        <input type="radio" name="relay-kind" checked readOnly />
        <span class="title">{t('adv.private')}</span>
      </label>
      <form
        class="stack"
        noValidate
        onSubmit={(ev) => {
          ev.preventDefault();
          void save();
        }}
      >
        <Field id="relay-server-url" label={t('adv.url')} type="url" dir="ltr" value={url.value} error={error.value} hint={t('adv.hint')} spellcheck={false} autocapitalize="none" onInput={(ev) => ((url.value = ev.currentTarget.value), (found.value = null))} />
        <div class="row-line">
          <Button busy={busy.value} onClick={() => void check()}>
            {t('adv.check')}
          </Button>
          <Button kind="main" type="submit" busy={busy.value}>
            {t('save')}
          </Button>
        </div>
      </form>
      {found.value && (
        <div class="notice good" role="status">
          <Icon name="circle-check" small />
          <span class="grow">
            <bdi>{found.value.name}</bdi>, {found.value.version}.{' '}
            {isEncrypted(found.value.relay) ? t('trust.encrypted') : isThisMachine(found.value.relay) ? t('signin.local') : t('trust.open')}
          </span>
        </div>
      )}
    </section>
  );
}
