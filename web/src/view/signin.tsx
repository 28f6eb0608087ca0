// Signing in: e-mail, code, and on the first time a name and an address. A new relay is looked at before it is trusted.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { addressPattern, isEncrypted, isThisMachine, looksLikeEmail, relayUrl, suggestAddress } from '../base/rules';
import { asTrouble, isTrouble, Trouble } from '../base/trouble';
import { MOST_SESSIONS } from '../core/accounts';
import { language, languages, number, t, type Language } from '../i18n';
import { chooseRelay, chosenRelay, finishSignIn, forgetSession, home, isSecure, knownRelays, launch, look, mayAsk, openSession, phase, sessions, setLook, tryRelay, engine } from '../state/app';
import { Api, type Config } from '../wire/api';
import { Relay } from '../wire/client';
import { DialogHead, openDialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Avatar, Button, Field, One, Round, Switch } from '../ui/parts';
import { sentence } from './trouble';

export interface Looked {
  relay: string;
  name: string;
  version: string;
  config: Config;
}

/** What a relay says of itself; a Trouble with a code of ours where it is none that can be used. */
export async function lookAt(relay: string): Promise<Looked> {
  if (isSecure && location.protocol === 'https:' && relay.startsWith('http:') && !isThisMachine(relay)) throw new Trouble('refused', 'mixed', '');
  const api = new Api(new Relay(relay));
  try {
    const [health, config] = await Promise.all([api.health({ timeoutMs: 10_000 }), api.config({ timeoutMs: 10_000 })]);
    return { relay, name: config.name, version: health.version, config };
  } catch (e) {
    const tr = asTrouble(e);
    if (tr.code === 'degraded') throw tr;
    // a program that allows no other pages looks like none at all: ask whether anything answers
    if (tr.code === 'unreachable' && (await fetch(relay, { mode: 'no-cors', credentials: 'omit' }).then(() => true, () => false))) throw new Trouble('refused', 'not_a_relay', '');
    if (tr.kind === 'offline' || tr.kind === 'later') throw tr;
    if (tr.more.status === 404 && !tr.code.startsWith('http_')) throw new Trouble('refused', 'too_old', '');
    throw new Trouble('refused', 'not_a_relay', '');
  }
}

/** The question before a relay is used for the first time. */
export function askTrust(l: Looked): Promise<boolean> {
  const safe = isEncrypted(l.relay);
  return openDialog<boolean>((close) => (
    <>
      <DialogHead title={t('trust.title')} />
      <div class="dialog-text stack">
        <p class="trust-host">
          <bdi>{new URL(l.relay).host}</bdi>
        </p>
        <p>
          <bdi>{l.name}</bdi>, {l.version}
        </p>
        <p class={safe ? 'good-line' : 'bad-line'}>
          <Icon name={safe ? 'lock' : 'circle-alert'} small /> {safe ? t('trust.encrypted') : t('trust.open')}
        </p>
        <p class="quiet-text">{t('trust.operator')}</p>
      </div>
      <div class="dialog-foot">
        <Button kind="quiet" onClick={() => close(false)}>
          {t('cancel')}
        </Button>
        <Button kind="main" onClick={() => close(true)} autofocus>
          {t('trust.use')}
        </Button>
      </div>
    </>
  )).then((r) => r === true);
}

export function LanguageChoice() {
  return (
    <label class="language">
      <Icon name="globe" small />
      <span class="hidden">{t('settings.language')}</span>
      <select value={look.value.language || language.value} onChange={(e) => void setLook({ language: e.currentTarget.value as Language })}>
        {Object.entries(languages).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function CodeBoxes({ value, onChange, invalid }: { value: string; onChange: (v: string) => void; invalid: boolean }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current!.focus(), []);
  // one field under six boxes: pasting, autofill and screen readers work as with any field
  return (
    <div class="code">
      <input
        ref={field}
        id="code"
        class="code-field"
        value={value}
        inputMode="numeric"
        autoComplete="one-time-code"
        pattern="[0-9]*"
        maxLength={11}
        dir="ltr"
        autofocus
        aria-label={t('code.label')}
        aria-invalid={invalid || undefined}
        onInput={(e) => onChange(e.currentTarget.value.normalize('NFKC').replace(/[٠-٩]/g, (d) => String(d.charCodeAt(0) - 0x660)).replace(/\D/g, '').slice(0, 6))}
      />
      <div class="code-boxes" aria-hidden="true" dir="ltr">
        {Array.from({ length: 6 }, (_, i) => (
          <span key={i} class={i === Math.min(value.length, 5) ? 'now' : ''}>
            {value[i] ?? ''}
          </span>
        ))}
      </div>
    </div>
  );
}

function deviceName(): string {
  const ua = navigator.userAgent;
  const os = /Android/.test(ua) ? 'Android' : /iPhone|iPad/.test(ua) ? 'iOS' : /Windows/.test(ua) ? 'Windows' : /Mac OS/.test(ua) ? 'Mac' : /CrOS/.test(ua) ? 'ChromeOS' : 'Linux';
  return os;
}

function browserName(): string {
  const ua = navigator.userAgent;
  return /Edg\//.test(ua) ? 'Edge' : /Firefox\//.test(ua) ? 'Firefox' : /Chrome\//.test(ua) ? 'Chrome' : /Safari\//.test(ua) ? 'Safari' : 'Browser';
}

/** The same browser keeps its name; two browsers of a kind do not replace each other's sessions. */
function sessionName(): string {
  const key = 'webchat.device';
  const id = localStorage.getItem(key) ?? Math.random().toString(36).slice(2, 6);
  localStorage.setItem(key, id);
  return `${browserName()} ${id}`;
}

const RESEND_SEC = 45;

export function SignIn() {
  const email = useSignal(launch.value?.email ?? (engine.value?.session.signedOut ? engine.value.session.email : ''));
  const name = useSignal(launch.value?.name ?? '');
  const address = useSignal('');
  const isAddressOwn = useSignal(false);
  const isPublic = useSignal(true);
  const code = useSignal('');
  const step = useSignal<'email' | 'code'>('email');
  const isFirst = useSignal(false);
  const busy = useSignal(false);
  const error = useSignal<{ at: 'email' | 'code' | 'address' | 'all'; text: string } | null>(null);
  const note = useSignal('');
  const relayInfo = useSignal<Looked | null>(null);
  const wait = useSignal(0);
  const form = useRef<HTMLFormElement>(null);
  const relay = chosenRelay.value;

  const check = async (): Promise<void> => {
    try {
      relayInfo.value = null;
      error.value = null;
      const l = await lookAt(relay);
      relayInfo.value = l;
      if (launch.value?.relay && relay !== home && !knownRelays().includes(relay)) {
        if (await askTrust(l)) chooseRelay(relay);
        else {
          launch.value = null;
          chosenRelay.value = home;
        }
      }
    } catch (e) {
      error.value = { at: 'all', text: sentence(e) };
    }
  };
  useEffect(() => void check(), [relay]);
  useEffect(() => {
    if (wait.value <= 0) return;
    const timer = setTimeout(() => (wait.value = wait.value - 1), 1000);
    return () => clearTimeout(timer);
  }, [wait.value]);
  const suggested = suggestAddress(name.value, email.value);
  const shownAddress = isAddressOwn.value ? address.value : suggested;

  const request = async (): Promise<void> => {
    if (busy.value) return;
    if (!looksLikeEmail(email.value)) {
      error.value = { at: 'email', text: t('err.email') };
      return;
    }
    if (sessions.value.length >= MOST_SESSIONS && !sessions.value.some((s) => s.email === email.value.trim() && s.relay === relay)) {
      if (!(await makeRoom())) return;
    }
    busy.value = true;
    error.value = null;
    try {
      const answer = await new Api(new Relay(relay)).requestCode(email.value.trim(), launch.value?.invite);
      if (answer.status === 'access_requested') note.value = t('signin.asked');
      else {
        note.value = '';
        step.value = 'code';
        code.value = answer.dev_code ?? '';
        wait.value = RESEND_SEC;
      }
    } catch (e) {
      error.value = { at: isTrouble(e) && e.more.field === 'email' ? 'email' : 'all', text: sentence(e) };
    } finally {
      busy.value = false;
    }
  };

  const verify = async (): Promise<void> => {
    if (busy.value || code.value.length !== 6) return;
    if (shownAddress && !addressPattern.test(shownAddress)) {
      error.value = { at: 'address', text: t('err.address') };
      isFirst.value = true;
      return;
    }
    busy.value = true;
    error.value = null;
    try {
      await finishSignIn(relay, relayInfo.value?.name ?? '', {
        email: email.value.trim(), code: code.value, device_name: deviceName(), session_name: launch.value?.session || sessionName(), language: language.value,
        ...(name.value.trim() ? { display_name: name.value.trim() } : {}), ...(shownAddress ? { chat_address: shownAddress } : {}), public_visible: isPublic.value,
      });
    } catch (e) {
      const tr = asTrouble(e);
      const at = tr.code === 'address_taken' || tr.more.field === 'chat_address' ? 'address' : tr.code === 'code_invalid' ? 'code' : 'all';
      if (at === 'address') isFirst.value = true;
      error.value = { at, text: at === 'address' && tr.code === 'address_taken' ? t('err.address_taken', { address: shownAddress }) : sentence(tr) };
    } finally {
      busy.value = false;
    }
  };

  const useOther = async (): Promise<void> => {
    const text = await openDialog<string>((close) => <OtherRelay onDone={close} />);
    if (text) await useRelay(text);
  };

  return (
    <main class="signin">
      <div class="signin-card">
        <header>
          <img src="icon.svg" width="56" height="56" alt="" />
          <h1>WebChat</h1>
        </header>
        <section class="relay-line">
          <span class="grow">
            <span class="block quiet-text">{relay === home ? t('signin.thisRelay') : t('signin.privateRelay')}</span>
            <strong class="one block">
              <bdi>{relayInfo.value?.name || new URL(relay).host}</bdi>
            </strong>
            <span class="block quiet-text one">
              <bdi>{new URL(relay).host}</bdi>
            </span>
          </span>
          <span class={isEncrypted(relay) || isThisMachine(relay) ? 'good-line' : 'bad-line'}>
            <Icon name={isEncrypted(relay) || isThisMachine(relay) ? 'lock' : 'circle-alert'} small />
            <span>{isEncrypted(relay) ? t('signin.encrypted') : isThisMachine(relay) ? t('signin.local') : t('signin.open')}</span>
          </span>
        </section>
        {error.value?.at === 'all' && (
          <p class="notice bad" role="alert">
            <Icon name="circle-alert" small />
            <span class="grow">{error.value.text}</span>
            {!relayInfo.value && (
              <button type="button" class="text-button" onClick={() => void check()}>
                {t('tryAgain')}
              </button>
            )}
          </p>
        )}
        {note.value && (
          <p class="notice" role="status">
            <Icon name="hourglass" small />
            <span>{note.value}</span>
          </p>
        )}
        {step.value === 'email' ? (
          <form
            class="stack"
            noValidate
            onSubmit={(e) => {
              e.preventDefault();
              void request();
            }}
          >
            <Field id="email" label={t('signin.email')} type="email" autoComplete="email" autofocus required value={email.value} error={error.value?.at === 'email' ? error.value.text : ''} onInput={(e) => (email.value = e.currentTarget.value)} spellcheck={false} />
            <Button kind="main" type="submit" busy={busy.value}>
              {t('signin.sendCode')}
            </Button>
          </form>
        ) : (
          <form
            ref={form}
            class="stack"
            noValidate
            onSubmit={(e) => {
              e.preventDefault();
              void verify();
            }}
          >
            <div class="row-line">
              <Round icon="arrow-left" label={t('back')} onClick={() => (step.value = 'email')} />
              <p class="grow">
                {t('code.sentTo')} <bdi>{email.value.trim()}</bdi>
              </p>
            </div>
            <CodeBoxes value={code.value} invalid={error.value?.at === 'code'} onChange={(v) => (code.value = v)} />
            {error.value?.at === 'code' && (
              <p class="field-error" role="alert">
                {error.value.text}
              </p>
            )}
            <p class="row-line quiet-text">
              <span class="grow">{t('code.life')}</span>
              <button type="button" class="text-button" disabled={wait.value > 0} onClick={() => void request()}>
                {wait.value > 0 ? t('code.againIn', { seconds: number(wait.value) }) : t('code.again')}
              </button>
            </p>
            <details class="first-time" open={isFirst.value} onToggle={(e) => (isFirst.value = e.currentTarget.open)}>
              <summary>{t('first.title')}</summary>
              <div class="stack">
                <Field id="name" label={t('first.name')} autoComplete="name" maxLength={64} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
                <Field
                  id="address"
                  label={t('first.address')}
                  dir="ltr"
                  maxLength={64}
                  spellcheck={false}
                  autocapitalize="none"
                  value={shownAddress}
                  hint={t('first.addressHint')}
                  error={error.value?.at === 'address' ? error.value.text : ''}
                  onInput={(e) => {
                    isAddressOwn.value = true;
                    address.value = e.currentTarget.value.trim().replace(/^@/, '').toLowerCase();
                  }}
                />
                <Switch label={t('first.public')} hint={t('first.publicHint')} checked={isPublic.value} onChange={(v) => (isPublic.value = v)} />
              </div>
            </details>
            <Button kind="main" type="submit" busy={busy.value} disabled={code.value.length !== 6}>
              {t('signIn')}
            </Button>
          </form>
        )}
        {step.value === 'email' && sessions.value.length > 0 && (
          <section class="stack">
            <h2 class="small-head">{t('signin.remembered')}</h2>
            <ul class="plain">
              {sessions.value.map((s) => (
                <li key={s.sid}>
                  <button type="button" class="row-button" onClick={() => (s.signedOut ? ((email.value = s.email), void useRelay(s.relay)) : void openSession(s))}>
                    <Avatar name={s.name} address={s.address} size="mid" />
                    <span class="grow">
                      <One class="block title">{s.name}</One>
                      <One class="block quiet-text">
                        {s.email}, {new URL(s.relay).host}
                      </One>
                    </span>
                    {s.signedOut && <span class="quiet-text">{t('signedOut')}</span>}
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
        <footer class="signin-foot">
          <button type="button" class="text-button" onClick={() => void useOther()}>
            {t('signin.other')}
          </button>
          <LanguageChoice />
          {engine.value && (
            <button type="button" class="text-button" onClick={() => (phase.value = 'open')}>
              {t('cancel')}
            </button>
          )}
        </footer>
      </div>
      <p class="signin-about">{t('signin.about')}</p>
    </main>
  );
}

function OtherRelay({ onDone }: { onDone: (url?: string) => void }) {
  const url = useSignal('');
  const bad = useSignal('');
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        const found = relayUrl(url.value);
        if (found) onDone(found);
        else bad.value = t('err.relayUrl');
      }}
    >
      <DialogHead title={t('signin.other')} />
      <div class="dialog-text stack">
        <Field id="relay-url" label={t('adv.url')} type="url" dir="ltr" autofocus placeholder="https://chat-relay.example.com" value={url.value} error={bad.value} spellcheck={false} autocapitalize="none" onInput={(e) => (url.value = e.currentTarget.value)} />
      </div>
      <div class="dialog-foot">
        <Button kind="quiet" onClick={() => onDone()}>
          {t('cancel')}
        </Button>
        <Button kind="main" type="submit">
          {t('adv.check')}
        </Button>
      </div>
    </form>
  );
}

/** To a relay: at once where the page may ask it, else by loading the page anew. */
export async function useRelay(relay: string): Promise<void> {
  if (relay === home || knownRelays().includes(relay)) {
    chosenRelay.value = relay;
    return;
  }
  if (!mayAsk(relay)) {
    tryRelay(relay);
    location.hash = `relay=${encodeURIComponent(relay)}`;
    location.reload();
    return;
  }
  launch.value = { relay, email: '', name: '', session: '', invite: '', group: '', to: '' };
  chosenRelay.value = relay;
}

/** An eleventh session asks which one to forget. */
function makeRoom(): Promise<boolean> {
  return openDialog<boolean>((close) => (
    <>
      <DialogHead title={t('eleventh.title')} onClose={() => close(false)} closeLabel={t('close')} />
      <p class="dialog-text">{t('eleventh.text')}</p>
      <ul class="plain">
        {sessions.value.map((s) => (
          <li key={s.sid}>
            <button type="button" class="row-button" onClick={() => void forgetSession(s.sid).then(() => close(true))}>
              <Avatar name={s.name} address={s.address} size="mid" />
              <One class="grow">
                {s.name}, {new URL(s.relay).host}
              </One>
              <span class="text-button">{t('eleventh.forget')}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  )).then((r) => r === true);
}
