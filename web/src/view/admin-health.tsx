// How the relay fares: its own checks, what is switched on, and the lines that switch on what is off.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { fullTime, maybe, number, sizeOf, t, whenShort } from '../i18n';
import { chats } from '../state/app';
import { adminApi, type Health } from '../wire/admin';
import { Icon } from '../ui/icon';
import { Button, Round } from '../ui/parts';
import { copyText } from './copy';
import { sentence } from './trouble';

const CLOCK_MS = 120_000;

export function HealthOfRelay() {
  const api = adminApi(chats.value!.engine.api.relay);
  const found = useSignal<{ health: Health; at: number } | null>(null);
  const error = useSignal('');
  const busy = useSignal(false);
  const load = async (): Promise<void> => {
    busy.value = true;
    try {
      found.value = { health: await api.health(), at: Date.now() };
      error.value = '';
    } catch (x) {
      error.value = sentence(x);
    }
    busy.value = false;
  };
  useEffect(() => void load(), []);
  const h = found.value?.health;
  const bad = h?.checks.filter((c) => !c.ok).length ?? 0;
  return (
    <div class="stack">
      {error.value && <p class="notice bad">{error.value}</p>}
      {!h && !error.value && <div class="skeleton rows-wait" aria-busy="true" />}
      <div class="row-line wrap">
        <p class="grow" role="status">
          {h && (
            <span class={bad ? 'bad-line' : 'good-line'}>
              <Icon name={bad ? 'circle-alert' : 'circle-check'} small />
              {bad ? t('health.trouble', { n: bad }) : t('health.well')}
            </span>
          )}
        </p>
        <Button icon="rotate-cw" busy={busy.value} onClick={() => void load()}>
          {t('health.again')}
        </Button>
      </div>
      {h && (
        <>
          <ul class="plain">
            {h.checks
              .slice()
              .sort((a, b) => Number(a.ok) - Number(b.ok))
              .map((c) => (
                <li key={c.name} class="row-line card-line">
                  <span class={c.ok ? 'good-line' : 'bad-line'}>
                    <Icon name={c.ok ? 'circle-check' : 'circle-alert'} />
                    <span class="hidden">{c.ok ? t('health.fine') : t('health.look')}</span>
                  </span>
                  <span class="grow">
                    <span class="block title">{maybe(`check.${c.name}`) ?? c.name}</span>
                    <span class="block quiet-text said" lang="en" dir="ltr">
                      {c.message}
                    </span>
                  </span>
                </li>
              ))}
          </ul>
          <p class="quiet-text">{t('health.further')}</p>
          <Facts h={h} skew={h.time - found.value!.at} />
          <Features h={h} />
        </>
      )}
    </div>
  );
}

function Facts({ h, skew }: { h: Health; skew: number }) {
  return (
    <section>
      <h3 class="small-head">{t('health.facts')}</h3>
      {Math.abs(skew) > CLOCK_MS && <p class="notice bad">{t('health.skew', { seconds: Math.round(Math.abs(skew) / 1000) })}</p>}
      <dl class="facts">
        <dt>{t('fact.version')}</dt>
        <dd dir="ltr">{h.version}</dd>
        <dt>{t('fact.schema')}</dt>
        <dd>{number(h.schema)}</dd>
        <dt>{t('fact.workers')}</dt>
        <dd>{number(h.workers)}</dd>
        <dt>{t('fact.free')}</dt>
        <dd>{sizeOf(h.free_bytes)}</dd>
        <dt>{t('fact.database')}</dt>
        <dd>{sizeOf(h.database_bytes)}</dd>
        <dt>{t('fact.wal')}</dt>
        <dd>{sizeOf(h.wal_bytes)}</dd>
        {h.swept_at && (
          <>
            <dt>{t('fact.swept')}</dt>
            <dd>{fullTime(h.swept_at)}</dd>
          </>
        )}
        {h.queues.map((q) => (
          <>
            <dt>{t('fact.waiting', { channel: maybe(`filter.${q.channel === 'pchat' ? 'webchat' : q.channel}`) ?? q.channel })}</dt>
            <dd>{t('fact.oldest', { n: q.waiting, when: whenShort(q.oldest_at) })}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

function Features({ h }: { h: Health }) {
  return (
    <section>
      <h3 class="small-head">{t('health.features')}</h3>
      <p class="quiet-text">{t('health.lines')}</p>
      <ul class="plain">
        {h.features.map((f) => (
          <li key={f.name} class="card-line">
            <div class="row-line">
              <span class="grow title">{maybe(`feature.${f.name}`) ?? f.name}</span>
              <span class={`pill${f.on ? ' main' : ''}`}>{f.on ? t('health.on') : t('off')}</span>
            </div>
            {f.lines && (
              <div class="row-line">
                <code class="grow said" dir="ltr">
                  {f.lines}
                </code>
                <Round icon="copy" label={`${t('copy')}: ${f.lines}`} onClick={() => void copyText(f.lines!)} />
              </div>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
