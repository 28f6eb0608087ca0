import { icons } from './icons';
import type { moreIcons } from './icons-more';

export type IconName = keyof typeof icons | keyof typeof moreIcons;

const paths: Record<string, string> = icons;

export function addIcons(more: Record<string, string>): void {
  Object.assign(paths, more);
}

const mirrored = new Set<IconName>(['arrow-left', 'arrow-right', 'chevron-right', 'chevron-left', 'reply', 'forward', 'send', 'corner-down-left', 'log-out', 'log-in', 'undo-2', 'list-filter', 'text-select', 'scroll-text', 'file-text']);

export function Icon({ name, small, class: more }: { name: IconName; small?: boolean; class?: string }) {
  return (
    <svg class={`icon${small ? ' small' : ''}${mirrored.has(name) ? ' flip' : ''}${more ? ' ' + more : ''}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
