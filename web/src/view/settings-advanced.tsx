// Advanced relay, phone bridge, translation: which relay this page uses, phones and keys, languages.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { isEncrypted, isThisMachine, relayUrl } from '../base/rules';
import { number, t, whenShort } from '../i18n';
import { chats, chooseRelay, engine, home, knownRelays, mayAsk, phase, place, tryRelay } from '../state/app';
import type { KeyInfo, PhoneInfo } from '../wire/api';
import { ask } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Button, Field, One } from '../ui/parts';
import { copyText } from './copy';
import { KeyboardPart } from './keyboard';
import { Qr } from './qr';
import { TranslatePart } from './settings-translate';
import { askTrust, lookAt, type Looked } from './signin';
import { attempt, sentence } from './trouble';

const resumeKey = 'webchat.check';

export function Advanced() {
  return (
    <>
      <RelayPart />
      <PhonePart />
      <TranslatePart />
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

function PhonePart() {
  const c = chats.value!;
  const phones = useSignal<PhoneInfo[]>([]);
  const keys = useSignal<KeyInfo[]>([]);
  const shown = useSignal<{ token: string; key: KeyInfo } | null>(null);
  const name = useSignal('');
  const load = (): void => {
    void c.engine.api.phones().then((r) => (phones.value = r.phones), () => undefined);
    void c.engine.api.keys().then((r) => (keys.value = r.keys), () => undefined);
  };
  useEffect(load, []);
  const make = (): Promise<boolean> =>
    attempt(async () => {
      const phone = name.value.trim();
      shown.value = await c.engine.api.newKey({ name: phone, scopes: ['phone'], phone_id: phone });
      name.value = '';
      load();
    });
  return (
    <section class="stack">
      <h3 class="small-head">{t('bridge.head')}</h3>
      <p class="field-hint">{t('bridge.about')}</p>
      <ul class="plain">
        {phones.value.map((p) => (
          <li key={p.phone_id} class="row-line card-line">
            <Icon name="smartphone" />
            <span class="grow">
              <One class="block title">{p.phone_id || t('bridge.any')}</One>
              <span class="quiet-text block">
                {[p.last_seen_at ? t('bridge.seen', { when: whenShort(p.last_seen_at) }) : t('bridge.never'), t('bridge.queued', { n: p.queued }), p.failed ? t('bridge.failed', { n: p.failed }) : ''].filter(Boolean).join(', ')}
              </span>
            </span>
          </li>
        ))}
      </ul>
      <form
        class="row-line end"
        onSubmit={(e) => {
          e.preventDefault();
          if (name.value.trim()) void make();
        }}
      >
        <div class="grow">
          <Field id="phone-name" label={t('bridge.phone')} maxLength={64} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
        </div>
        <Button type="submit" icon="key" disabled={!name.value.trim()}>
          {t('bridge.make')}
        </Button>
      </form>
      {shown.value && (
        <div class="card stack" role="status">
          <p class="title">{t('bridge.once')}</p>
          <code class="archive-key" dir="ltr">
            {shown.value.token}
          </code>
          <Qr text={JSON.stringify({ relay: c.engine.session.relay, key: shown.value.token, phone_id: shown.value.key.phone_id })} label={t('bridge.qr')} />
          <div class="row-line">
            <Button icon="copy" onClick={() => void copyText(shown.value!.token)}>
              {t('copy')}
            </Button>
            <Button kind="quiet" onClick={() => (shown.value = null)}>
              {t('done')}
            </Button>
          </div>
        </div>
      )}
      {keys.value.length > 0 && <h3 class="small-head">{t('bridge.keys', { n: keys.value.length })}</h3>}
      <ul class="plain">
        {keys.value.map((k) => (
          <li key={k.key_id} class="row-line card-line">
            <Icon name="key" />
            <span class="grow">
              <One class="block title">{k.name}</One>
              <span class="quiet-text block">
                {k.scopes.join(', ')}
                {k.last_used_at ? `, ${whenShort(k.last_used_at)}` : ''}
              </span>
            </span>
            <Button onClick={() => void ask({ title: t('sessions.revoke'), text: t('bridge.revokeText', { name: k.name }), yes: t('sessions.revoke'), no: t('cancel'), bad: true }).then((yes) => void (yes && attempt(() => c.engine.api.revokeKey(k.key_id)).then(load)))}>{t('sessions.revoke')}</Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export { number };
