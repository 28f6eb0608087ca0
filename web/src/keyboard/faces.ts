// What stands on a key, and what it is called.
import { t, type Key as Text } from '../i18n';
import type { IconName } from '../ui/icon';
import type { Slot, Steer } from './board';
import { letterOf } from './hangul';
import { charOf, layout, level, page, shift } from './typing';

const names: Record<Steer, Text> = {
  shift: 'kb.shift', lock: 'kb.lock', delete: 'kb.delete', enter: 'kb.enter', space: 'kb.space', alt: 'kb.alt', page: 'kb.signs', next: 'kb.next',
};
const icons: Partial<Record<Steer, IconName>> = {
  shift: 'arrow-big-up', lock: 'arrow-big-up-dash', delete: 'delete', enter: 'corner-down-left', next: 'globe',
};

/** Signs that nobody sees are called by their names, marks stand on a ring, letters of Hangul are shown as one knows them. */
export function face(s: string): string {
  if (s === '\u200c') return t('kb.nonJoiner');
  if (s === '\u200d') return t('kb.joiner');
  return letterOf(s) ?? (/^\p{M}/u.test(s) ? `\u25cc${s}` : s);
}

const isLocked = (s: Slot): boolean => s.steer === 'shift' && shift.value === 'lock';

export function nameOfKey(s: Slot): string {
  if (!s.steer) return face(charOf(s));
  if (s.steer === 'page' && page.value === 'signs') return t('kb.letters');
  return t(isLocked(s) ? 'kb.lock' : names[s.steer]);
}

export const iconOf = (s: Slot): IconName | undefined => s.steer && icons[isLocked(s) ? 'lock' : s.steer];

/** The words on a key that has no icon. */
export function wordsOf(s: Slot): string {
  if (s.steer === 'page') return page.value === 'letters' ? '?123' : (layout.value?.default[2]?.slice(0, 2).map(face).join(' ') ?? '');
  return nameOfKey(s);
}

export function isPressed(s: Slot): boolean | undefined {
  if (s.steer === 'shift') return level.value.startsWith('shift');
  if (s.steer === 'lock') return shift.value === 'lock';
  if (s.steer === 'alt') return level.value.endsWith('alt');
  return undefined;
}
