// Invite links: those that are open, a new one, and the link itself, which is shown once.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { dateOf, t } from '../i18n';
import { chats, linkHere } from '../state/app';
import { DialogHead } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Button, Choice, Field, One, Round } from '../ui/parts';
import type { InviteLink } from '../wire/api';
import { copyText } from './copy';
import { Qr } from './qr';
import { attempt, sentence } from './trouble';

const uses = [1, 5, 10, 25, 100] as const;
const days = [1, 7, 30, 365] as const;

/** The links of a group, or (group null) those past the allow-list of the relay. */
export function InviteLinks({ group }: { group: string | null }) {
  const e = chats.value!.engine;
  const list = useSignal<InviteLink[] | null>(null);
  const error = useSignal('');
  const made = useSignal('');
  const count = useSignal<number>(group ? 10 : 1);
  const length = useSignal<number>(7);
  const busy = useSignal(false);
  const load = async (): Promise<void> => {
    try {
      list.value = (await e.api.inviteLinks(group)).invites;
      error.value = '';
    } catch (x) {
      error.value = sentence(x);
    }
  };
  useEffect(() => void load(), [group]);
  const make = async (): Promise<void> => {
    busy.value = true;
    await attempt(async () => {
      const { token } = await e.api.newInviteLink(group, { uses: count.value, days: length.value });
      made.value = linkHere(e.session.relay, { invite: token, group: group ?? '' });
      await load();
    });
    busy.value = false;
  };
  const revoke = (id: string): Promise<unknown> => attempt(() => e.api.revokeInviteLink(group, id)).then(load);
  return (
    <div class="stack">
      {error.value && <p class="notice bad">{error.value}</p>}
      {made.value && (
        <section class="card stack" aria-live="polite">
          <p>{group ? t('invite.shown') : t('invite.shownRelay')}</p>
          <Field id="invite-link" label={t('invite.link')} dir="ltr" readOnly value={made.value} onFocus={(ev) => ev.currentTarget.select()} />
          <Qr text={made.value} label={t('invite.qr')} />
          <Button kind="main" icon="copy" onClick={() => void copyText(made.value)}>
            {t('copy')}
          </Button>
        </section>
      )}
      <div class="row-line wrap pair">
        <Choice id="invite-uses" label={t('invite.uses')} value={count.value} options={uses.map((n) => [n, t('invite.people', { n })])} onChange={(n) => (count.value = n)} />
        <Choice id="invite-days" label={t('invite.days')} value={length.value} options={days.map((n) => [n, t('keep.days', { n })])} onChange={(n) => (length.value = n)} />
      </div>
      <div class="row-line end">
        <Button icon="plus" busy={busy.value} onClick={() => void make()}>
          {t('invite.make')}
        </Button>
      </div>
      {list.value?.length === 0 && !made.value && <p class="quiet-text">{t('invite.none')}</p>}
      <ul class="plain" aria-label={t('invite.links')}>
        {(list.value ?? []).map((x) => (
          <li key={x.invite_id} class="row-line card-line">
            <Icon name="link" small />
            <span class="grow">
              <One class="block">{t('invite.left', { n: x.uses_left })}</One>
              <span class="block quiet-text">
                {t('invite.until', { date: dateOf(x.expires_at) })}
                {x.admits && group ? ` · ${t('invite.admits')}` : ''}
                {!group && x.group_id ? ` · ${t('invite.ofGroup')}` : ''}
              </span>
            </span>
            <Round icon="trash-2" label={t('invite.revoke')} onClick={() => void revoke(x.invite_id)} />
          </li>
        ))}
      </ul>
    </div>
  );
}

export function InviteDialog({ group, close }: { group: string; close: () => void }) {
  return (
    <>
      <DialogHead title={t('invite.links')} onClose={close} closeLabel={t('close')} />
      <div class="dialog-text">
        <InviteLinks group={group} />
      </div>
    </>
  );
}
