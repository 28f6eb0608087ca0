// What the relay holds, and what the last weeks came to: small charts, each with a table of the same.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { hasKey, language, number, t, type Key } from '../i18n';
import { chats } from '../state/app';
import { adminApi, type Stats } from '../wire/admin';
import { sentence } from './trouble';

type Day = Stats['days'][number];
const DAY = 86_400_000;
const W = 10;
const H = 60;

const dayOf = (ms: number): string => new Intl.DateTimeFormat(language.value, { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(ms);

/** Every day from the first that is known to the last, with 0 for those of which nothing is. */
function filled(days: Day[]): Day[] {
  const known = new Map(days.map((d) => [d.starts_at, d]));
  const [first, last] = [days[0]!.starts_at, days[days.length - 1]!.starts_at];
  return Array.from({ length: (last - first) / DAY + 1 }, (_, i) => known.get(first + i * DAY) ?? { starts_at: first + i * DAY, messages: 0, users: 0, accounts: 0 });
}

function Chart({ days, what, line }: { days: Day[]; what: 'messages' | 'users' | 'accounts'; line?: boolean }) {
  const most = days.reduce((a, b) => (b[what] > a[what] ? b : a));
  const last = days[days.length - 1]!;
  const y = (d: Day): number => H - (most[what] ? (d[what] / most[what]) * (H - 2) : 0);
  const said = line ? t('stat.now', { n: last[what] }) : t('stat.most', { n: most[what], day: dayOf(most.starts_at) });
  const name = t(`stat.day.${what}`);
  return (
    <figure class="chart">
      <figcaption class="row-line wrap">
        <span class="title grow">{name}</span>
        <span class="quiet-text">{said}</span>
      </figcaption>
      <svg viewBox={`0 0 ${days.length * W} ${H}`} preserveAspectRatio="none" role="img" aria-label={`${name}. ${said}`}>
        {line ? (
          <polyline points={days.map((d, i) => `${i * W + W / 2},${y(d)}`).join(' ')} vector-effect="non-scaling-stroke" />
        ) : (
          days.map((d, i) => <rect key={d.starts_at} x={i * W + 1} y={y(d)} width={W - 2} height={H - y(d)} />)
        )}
      </svg>
      <div class="row-line quiet-text chart-ends" aria-hidden="true">
        <span class="grow">{dayOf(days[0]!.starts_at)}</span>
        <span>{dayOf(last.starts_at)}</span>
      </div>
    </figure>
  );
}

function Table({ days }: { days: Day[] }) {
  const columns = ['messages', 'users', 'accounts'] as const;
  return (
    <details>
      <summary>{t('stat.table')}</summary>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">{t('stat.day')}</th>
            {columns.map((c) => (
              <th key={c} scope="col">
                {t(`stat.${c}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days
            .slice()
            .reverse()
            .map((d) => (
              <tr key={d.starts_at}>
                <th scope="row">{dayOf(d.starts_at)}</th>
                {columns.map((c) => (
                  <td key={c}>{number(d[c])}</td>
                ))}
              </tr>
            ))}
        </tbody>
      </table>
    </details>
  );
}

export function Figures() {
  const api = adminApi(chats.value!.engine.api.relay);
  const stats = useSignal<Stats | null>(null);
  const error = useSignal('');
  useEffect(() => void api.stats().then((s) => (stats.value = s), (x) => (error.value = sentence(x))), []);
  if (error.value) return <p class="notice bad">{error.value}</p>;
  if (!stats.value) return <div class="skeleton rows-wait" aria-busy="true" />;
  const days = stats.value.days.length ? filled(stats.value.days) : [];
  return (
    <div class="stack">
      <dl class="figures">
        {Object.entries(stats.value)
          .filter(([k, v]) => typeof v === 'number' && hasKey(`stat.${k}`))
          .map(([k, v]) => (
            <div key={k} class="figure">
              <dt>{t(`stat.${k}` as Key)}</dt>
              <dd>{number(v as number)}</dd>
            </div>
          ))}
      </dl>
      {days.length ? (
        <>
          <Chart days={days} what="messages" />
          <Chart days={days} what="users" />
          <Chart days={days} what="accounts" line />
          <Table days={days} />
        </>
      ) : (
        <p class="quiet-text">{t('stat.noDays')}</p>
      )}
      {days.length > 0 && <p class="quiet-text">{t('stat.about')}</p>}
    </div>
  );
}
