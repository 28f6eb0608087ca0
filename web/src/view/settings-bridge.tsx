// The phone bridge: phones and how they do, keys for them and for programs.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { SILENT_MS } from '../base/delivery';
import { dateOf, t, whenShort, type Key } from '../i18n';
import { chats } from '../state/app';
import { ask } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { openMenu } from '../ui/menu';
import { Button, Choice, Field, One, Round } from '../ui/parts';
import type { KeyInfo, PhoneInfo } from '../wire/api';
import { copyText } from './copy';
import { Qr } from './qr';
import { attempt, sentence } from './trouble';

const EVERY_MS = 20_000;

type For = 'phone' | 'send' | 'both';
const scopesFor: Record<For, string[]> = { phone: ['phone'], send: ['send'], both: ['send', 'receive'] };

/** How a phone does: it fetched lately, or nothing waits for it, or it is silent while something does. */
function Health({ p, now, anyWaits }: { p: PhoneInfo; now: number; anyWaits: boolean }) {
  const isFresh = !!p.last_seen_at && now - p.last_seen_at < SILENT_MS;
  if (isFresh) return <span class="pill main">{t('bridge.well')}</span>;
  return <span class={`pill${p.queued || anyWaits ? ' bad' : ''}`}>{t(p.last_seen_at ? 'bridge.silent' : 'bridge.new')}</span>;
}

function Phone({ p, now, anyWaits }: { p: PhoneInfo; now: number; anyWaits: boolean }) {
  const waits = p.queued ? `${t('bridge.queued', { n: p.queued })}${p.oldest_queued_at ? `, ${t('bridge.since', { when: whenShort(p.oldest_queued_at) })}` : ''}` : '';
  const facts = [p.phone_id ? (p.last_seen_at ? t('bridge.seen', { when: whenShort(p.last_seen_at) }) : t('bridge.never')) : '', waits, p.leased ? t('bridge.leased', { n: p.leased }) : '', p.failed ? t('bridge.failed', { n: p.failed }) : ''];
  return (
    <li class="row-line card-line">
      <Icon name="smartphone" />
      <span class="grow">
        <One class="block title">{p.phone_id || t('bridge.any')}</One>
        <span class="quiet-text block">{facts.filter(Boolean).join(' · ')}</span>
      </span>
      {p.phone_id && <Health p={p} now={now} anyWaits={anyWaits} />}
    </li>
  );
}

/** A key that was just made: shown this once. */
function Shown({ token, k, relay, onDone }: { token: string; k: KeyInfo; relay: string; onDone: () => void }) {
  const all = JSON.stringify({ relay, key: token, ...(k.phone_id ? { phone_id: k.phone_id } : {}) });
  return (
    <div class="card stack" role="status">
      <p class="title">{t('bridge.once')}</p>
      <code class="archive-key" dir="ltr">
        {token}
      </code>
      <dl class="facts">
        <dt>{t('bridge.relay')}</dt>
        <dd class="break" dir="ltr">
          {relay}
        </dd>
        {k.phone_id && (
          <>
            <dt>{t('bridge.phoneId')}</dt>
            <dd class="break">
              <bdi>{k.phone_id}</bdi>
            </dd>
          </>
        )}
      </dl>
      <Qr text={all} label={t('bridge.qr')} />
      <p class="field-hint">{t(k.phone_id ? 'bridge.scan' : 'bridge.program')}</p>
      <div class="row-line wrap">
        <Button icon="copy" onClick={() => void copyText(token)}>
          {t('copy')}
        </Button>
        <Button icon="copy" onClick={() => void copyText(all)}>
          {t('bridge.copyAll')}
        </Button>
        <Button kind="quiet" onClick={onDone}>
          {t('done')}
        </Button>
      </div>
    </div>
  );
}

export function PhonePart() {
  const e = chats.value!.engine;
  const phones = useSignal<PhoneInfo[] | null>(null);
  const keys = useSignal<KeyInfo[]>([]);
  const shown = useSignal<{ token: string; key: KeyInfo } | null>(null);
  const name = useSignal('');
  const use = useSignal<For>('phone');
  const error = useSignal('');
  const load = async (): Promise<void> => {
    try {
      const [p, k] = await Promise.all([e.api.phones(), e.api.keys()]);
      phones.value = p.phones;
      keys.value = k.keys;
      error.value = '';
    } catch (x) {
      error.value = sentence(x);
    }
  };
  useEffect(() => {
    void load();
    const timer = setInterval(() => document.visibilityState === 'visible' && void load(), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const make = (): Promise<boolean> =>
    attempt(async () => {
      const label = name.value.trim();
      shown.value = await e.api.newKey({ name: label, scopes: scopesFor[use.value], ...(use.value === 'phone' ? { phone_id: label } : {}) });
      name.value = '';
      await load();
    });
  const rotate = async (k: KeyInfo): Promise<void> => {
    if (!(await ask({ title: t('bridge.rotate'), text: t('bridge.rotateText', { name: k.name }), yes: t('bridge.rotate'), no: t('cancel') }))) return;
    await attempt(async () => {
      shown.value = await e.api.rotateKey(k.key_id);
      await load();
    });
  };
  const revoke = async (k: KeyInfo): Promise<void> => {
    if (!(await ask({ title: t('sessions.revoke'), text: t('bridge.revokeText', { name: k.name }), yes: t('sessions.revoke'), no: t('cancel'), bad: true }))) return;
    await attempt(() => e.api.revokeKey(k.key_id));
    if (shown.value?.key.key_id === k.key_id) shown.value = null;
    await load();
  };
  const scopesOf = (k: KeyInfo): string => k.scopes.map((s) => t(`bridge.scope.${s}` as Key)).join(', ');
  // a phone that has a key and never came is known by its key alone
  const known = new Set((phones.value ?? []).map((p) => p.phone_id));
  const waiting = keys.value.filter((k) => k.scopes.includes('phone') && k.phone_id && !known.has(k.phone_id));
  const list: PhoneInfo[] = phones.value === null ? [] : [...phones.value.filter((p) => p.phone_id || p.queued || p.leased), ...[...new Set(waiting.map((k) => k.phone_id))].map((phone_id) => ({ phone_id, queued: 0, leased: 0, failed: 0 }))];
  const now = e.now();
  return (
    <section class="stack">
      <h3 class="small-head">{t('bridge.head')}</h3>
      <p class="field-hint">{t('bridge.about')}</p>
      {error.value && <p class="notice bad">{error.value}</p>}
      {phones.value !== null && list.length === 0 && <p class="quiet-text">{t('bridge.none')}</p>}
      <ul class="plain" aria-label={t('bridge.head')}>
        {list.map((p) => (
          <Phone key={p.phone_id} p={p} now={now} anyWaits={list.some((x) => !x.phone_id && x.queued > 0)} />
        ))}
      </ul>
      {shown.value && <Shown key={shown.value.token} token={shown.value.token} k={shown.value.key} relay={e.session.relay} onDone={() => (shown.value = null)} />}
      <form
        class="stack"
        onSubmit={(ev) => {
          ev.preventDefault();
          if (name.value.trim()) void make();
        }}
      >
        <Choice id="key-for" label={t('bridge.for')} value={use.value} options={[['phone', t('bridge.forPhone')], ['send', t('bridge.forSend')], ['both', t('bridge.forBoth')]]} onChange={(v) => (use.value = v)} />
        <Field id="phone-name" label={t(use.value === 'phone' ? 'bridge.phone' : 'bridge.name')} maxLength={64} value={name.value} onInput={(ev) => (name.value = ev.currentTarget.value)} />
        <div class="form-foot">
          <Button type="submit" icon="key" disabled={!name.value.trim()}>
            {t('bridge.make')}
          </Button>
        </div>
      </form>
      {keys.value.length > 0 && <h3 class="small-head">{t('bridge.keys', { n: keys.value.length })}</h3>}
      <ul class="plain" aria-label={t('bridge.keys', { n: keys.value.length })}>
        {keys.value.map((k) => (
          <li key={k.key_id} class="row-line card-line" data-key-name={k.name}>
            <Icon name="key" />
            <span class="grow">
              <One class="block title">{k.name}</One>
              <span class="quiet-text block">
                {[scopesOf(k), k.phone_id && k.phone_id !== k.name ? k.phone_id : '', t('bridge.made', { date: dateOf(k.created_at) }), k.last_used_at ? t('bridge.used', { when: whenShort(k.last_used_at) }) : t('bridge.unused')].filter(Boolean).join(' · ')}
              </span>
            </span>
            <Round
              icon="ellipsis-vertical"
              label={t('bridge.menu', { name: k.name })}
              aria-haspopup="menu"
              onClick={(ev) =>
                openMenu(ev.currentTarget as HTMLElement, k.name, [
                  { label: t('bridge.rotate'), icon: 'refresh-cw', run: () => void rotate(k) },
                  { label: t('sessions.revoke'), icon: 'trash-2', bad: true, run: () => void revoke(k) },
                ])
              }
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

