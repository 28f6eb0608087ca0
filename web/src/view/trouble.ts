// A sentence for everything that can go wrong, and how to go on.
import { asTrouble, type Trouble } from '../base/trouble';
import { hasKey, number, t } from '../i18n';
import { toast } from '../ui/toast';
import { signal } from '@preact/signals';

/** For Settings, Help: the request id of the last error. */
export const lastTrouble = signal<Trouble | null>(null);

export function sentence(e: unknown): string {
  const tr = asTrouble(e);
  lastTrouble.value = tr;
  const key = `err.${tr.code}`;
  if (hasKey(key)) return t(key, { seconds: number(Math.ceil((tr.more.waitMs ?? 1000) / 1000)) });
  if (tr.kind === 'offline') return t('err.unreachable');
  if (tr.kind === 'later') return t('err.rate_limited', { seconds: number(Math.ceil((tr.more.waitMs ?? 1000) / 1000)) });
  if (tr.kind === 'signed-out') return t('err.credential_invalid');
  return tr.message ? t('err.said', { message: tr.message }) : t('err.internal');
}

/** Runs what a button does; a failure becomes a toast. Answers whether it went well. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (e) {
    toast(sentence(e), { bad: true });
    return false;
  }
}
