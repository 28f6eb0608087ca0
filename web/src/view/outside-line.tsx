// Above the line one writes in, in a chat with the outside: what keeps the last messages, the subject, how long an SMS is.
import type { Signal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { waitOf } from '../base/delivery';
import { partsOf } from '../base/model';
import { smsParts } from '../base/sms';
import { t } from '../i18n';
import { chats, go } from '../state/app';
import { Icon } from '../ui/icon';
import '../ui/icons-more';
import type { PhoneInfo } from '../wire/api';

const EVERY_MS = 20_000;

/** How the messages that are not out yet are doing; phones are asked for only while there are any. */
function Waiting({ chat }: { chat: string }) {
  const c = chats.value!;
  const e = c.engine;
  const { channel, phone } = partsOf(chat);
  const phones = useSignal<PhoneInfo[] | null>(null);
  const tl = c.timeline(chat);
  const open = tl.keys.value.flatMap((k) => tl.signalOf(k)?.value ?? []).filter((m) => m.mine && (m.state === 'queued' || m.state === 'claimed') && !m.withdrawn);
  useEffect(() => {
    if (!open.length) return;
    const ask = (): void => void (document.visibilityState === 'visible' && e.api.phones().then((r) => (phones.value = r.phones), () => undefined));
    ask();
    const timer = setInterval(ask, EVERY_MS);
    return () => clearInterval(timer);
  }, [chat, open.length, open.some((m) => m.state === 'claimed')]);
  if (!phones.value) return null;
  const wait = waitOf(open, phone || c.chat(chat).value.phone || '', phones.value, e.now());
  // mail may be carried by the relay itself: then no phone is missing
  if (wait.kind === 'none' || (channel === 'email' && wait.kind === 'no-phone')) return null;
  const isBad = wait.kind === 'silent' || wait.kind === 'no-phone';
  const words =
    wait.kind === 'no-phone' ? t('outside.noPhone')
    : wait.kind === 'claimed' ? (wait.phone ? t('outside.claimedBy', { phone: wait.phone }) : t('state.claimed'))
    : wait.kind === 'waits' ? (wait.phone ? t('outside.waitsFor', { phone: wait.phone }) : t('state.queued'))
    : wait.phone ? t('outside.silentPhone', { phone: wait.phone, n: wait.minutes }) : t('outside.silent', { n: wait.minutes });
  return (
    <p class={`outside-wait${isBad ? ' bad' : ''}`} role="status">
      <Icon name={isBad ? 'circle-alert' : 'smartphone'} small />
      <span class="grow">{words}</span>
      {isBad && (
        <button type="button" class="text-button" onClick={() => go({ page: 'settings/advanced' })}>
          {t('outside.phones')}
        </button>
      )}
    </p>
  );
}

export function OutsideLine({ chat, text, subject, onSubject }: { chat: string; text: string; subject: Signal<string>; onSubject: () => void }) {
  const { channel } = partsOf(chat);
  const sms = channel === 'sms' && text ? smsParts(text) : null;
  const label = channel === 'email' ? t('compose.subject') : t('outside.title');
  return (
    <>
      <Waiting chat={chat} />
      {(channel === 'email' || channel === 'notify') && (
        <input class="subject-field" dir="auto" aria-label={label} placeholder={label} maxLength={200} value={subject.value} onInput={(ev) => ((subject.value = ev.currentTarget.value), onSubject())} />
      )}
      {sms && (
        <p class="field-hint compose-note" data-parts={sms.parts}>
          {t('sms.parts', { n: sms.parts, left: sms.left })}
          {sms.bits === 16 && ` · ${t('sms.wide')}`}
        </p>
      )}
    </>
  );
}
