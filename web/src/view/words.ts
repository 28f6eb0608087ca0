// Sentences made of what the relay tells.
import type { GroupEvent } from '../base/model';
import { plainName } from '../base/text';
import { hasKey, maybe, t } from '../i18n';
import { chats } from '../state/app';

export function eventText(event: GroupEvent): string {
  const name = event.chat_address ? plainName(chats.value?.nameOf(event.chat_address) ?? event.chat_address) : '';
  const key = `event.${event.type}`;
  return hasKey(key) ? t(key, { name, role: maybe(`role.${event.role}`) ?? '' }) : '';
}

/** What a line of a chat says of a call: `outcome.media`. */
export const callText = (text: string): string => maybe(`call.line.${text.split('.')[0]}`) ?? t('msg.call');

/** How long a device may keep messages: days and what to call it. */
export const keepChoices = (): [number, string][] => [
  [0, t('keep.ever')],
  [365, t('keep.year')],
  [90, t('keep.days', { n: 90 })],
  [30, t('keep.days', { n: 30 })],
  [7, t('keep.days', { n: 7 })],
  [1, t('keep.days', { n: 1 })],
];
