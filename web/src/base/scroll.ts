// Where a timeline's view goes after a change: a pure decision, after which the view only obeys.

export interface Seen {
  /** Keys of the rows' messages, in order. */
  first?: string;
  last?: string;
  count: number;
}

export type Scroll = 'nothing' | 'bottom' | 'divider' | 'keep-top' | 'keep-bottom';

export interface Change {
  before: Seen | null;
  after: Seen;
  atBottom: boolean;
  /** The newest message is one's own, written here just now. */
  ownSend: boolean;
  hasDivider: boolean;
  /** Shows the newest messages, not a place in between. */
  atEnd: boolean;
}

export function scrollFor(c: Change): Scroll {
  if (c.after.count === 0) return 'nothing';
  if (!c.before || c.before.count === 0) return c.hasDivider ? 'divider' : c.atEnd ? 'bottom' : 'nothing';
  if (c.ownSend) return 'bottom';
  if (c.before.first !== c.after.first && c.before.last === c.after.last) return 'keep-bottom';
  if (c.before.last !== c.after.last && c.atBottom && c.atEnd) return 'bottom';
  if (c.before.first !== c.after.first) return 'keep-bottom';
  return 'nothing';
}
