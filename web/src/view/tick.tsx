import type { State } from '../base/model';
import { t, type Key } from '../i18n';
import { Icon, type IconName } from '../ui/icon';
import { Hidden } from '../ui/parts';

const icons: Record<Exclude<State, 'in'>, IconName> = { waiting: 'clock', queued: 'clock', claimed: 'smartphone', sent: 'check', delivered: 'check-check', read: 'check-check', failed: 'circle-alert', expired: 'hourglass', unsure: 'circle-help' };

/** How far a message has come: a picture, and words for those who do not see it. */
export function Tick({ state }: { state: State }) {
  if (state === 'in') return null;
  return (
    <span class={`tick ${state}`}>
      <Icon name={icons[state]} small />
      <Hidden>{t(`state.${state}` as Key)}</Hidden>
    </span>
  );
}
