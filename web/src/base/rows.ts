// The timeline as a list of rows: pure, so that every rule of it has a test.
import type { Message } from './model';
import { dayOf } from './rules';

export type Row =
  | { t: 'day'; key: string; at: number }
  | { t: 'unread'; key: string; count: number }
  | { t: 'message'; key: string; first: boolean; last: boolean };

const RUN_MS = 5 * 60_000;

const isRun = (a: Message | undefined, b: Message | undefined): boolean =>
  !!a && !!b && a.from === b.from && a.mine === b.mine && a.kind !== 'system' && b.kind !== 'system' && a.kind !== 'call' && b.kind !== 'call' && b.at - a.at < RUN_MS && dayOf(a.at) === dayOf(b.at);

/** `divider`: the key of the message that the line of new ones stands above. */
export function rowsOf(messages: Message[], divider: { before: string; count: number } | null): Row[] {
  const rows: Row[] = [];
  messages.forEach((m, i) => {
    const before = messages[i - 1];
    const after = messages[i + 1];
    const isDay = !before || dayOf(before.at) !== dayOf(m.at);
    if (isDay) rows.push({ t: 'day', key: `day:${dayOf(m.at)}`, at: m.at });
    const isNew = divider?.before === m.key;
    if (isNew) rows.push({ t: 'unread', key: 'unread', count: divider.count });
    const nextNew = divider && after && divider.before === after.key;
    rows.push({ t: 'message', key: m.key, first: isNew || !isRun(before, m), last: !!nextNew || !isRun(m, after) });
  });
  return rows;
}
