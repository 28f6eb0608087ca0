import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { plainName } from '../base/text';
import { dateOf, t, whenShort } from '../i18n';
import { chats, engine, forgetSession, otherUnread, phase, sessions, switchTo } from '../state/app';
import type { SessionInfo } from '../wire/api';
import { ask } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Avatar, Button, One, Round } from '../ui/parts';
import { toast } from '../ui/toast';
import { attempt, sentence } from './trouble';

export function Sessions() {
  const c = chats.value!;
  const list = useSignal<SessionInfo[] | null>(null);
  const error = useSignal('');
  const load = (): void => void c.engine.api.sessions().then((r) => (list.value = r.sessions), (e) => (error.value = sentence(e)));
  useEffect(load, []);
  const revoke = async (s: SessionInfo): Promise<void> => {
    if (!(await ask({ title: t('sessions.revoke'), text: t('sessions.revokeText', { name: s.device_name || s.session_name || t('sessions.unnamed') }), yes: t('sessions.revoke'), no: t('cancel'), bad: true }))) return;
    if (await attempt(() => c.engine.api.revoke(s.session_id))) load();
  };
  const all = async (): Promise<void> => {
    if (!(await ask({ title: t('sessions.all'), text: t('sessions.allText'), yes: t('sessions.all'), no: t('cancel'), bad: true }))) return;
    await attempt(async () => {
      const { revoked } = await c.engine.api.logoutAll();
      toast(t('sessions.allDone', { n: revoked }));
      load();
    });
  };
  return (
    <>
      {error.value && <p class="notice bad">{error.value}</p>}
      {list.value === null && !error.value && <div class="skeleton rows-wait" aria-busy="true" />}
      <ul class="plain">
        {list.value
          ?.slice()
          .sort((a, b) => Number(b.current) - Number(a.current) || b.last_seen_at - a.last_seen_at)
          .map((s) => (
            <li key={s.session_id} class="row-line card-line">
              <Icon name={/Android|iOS/.test(s.device_name) ? 'smartphone' : 'laptop'} />
              <span class="grow">
                <One class="block title">{[s.device_name, s.session_name].filter(Boolean).map(plainName).join(', ') || t('sessions.unnamed')}</One>
                <span class="quiet-text block">{s.current ? t('sessions.this') : t('sessions.seen', { when: whenShort(s.last_seen_at), since: dateOf(s.created_at) })}</span>
              </span>
              {!s.current && <Button onClick={() => void revoke(s)}>{t('sessions.revoke')}</Button>}
            </li>
          ))}
      </ul>
      {(list.value?.length ?? 0) > 1 && (
        <Button kind="bad" icon="log-out" onClick={() => void all()}>
          {t('sessions.all')}
        </Button>
      )}
      <h3 class="small-head">{t('signin.remembered')}</h3>
      <ul class="plain">
        {sessions.value.map((s, i) => (
          <li key={s.sid} class="row-line">
            <button type="button" class="row-button grow" aria-current={s.sid === engine.value?.session.sid || undefined} onClick={() => void switchTo(s.sid)}>
              <Avatar name={s.name} address={s.address} size="mid" />
              <span class="grow">
                <One class="block title">{plainName(s.name)}</One>
                <One class="block quiet-text">
                  {s.email}, {new URL(s.relay).host}
                </One>
              </span>
              {otherUnread.value[s.sid] && s.sid !== engine.value?.session.sid ? <span class="badge">{otherUnread.value[s.sid]}</span> : null}
              <kbd dir="ltr">{`Ctrl+Shift+${(i + 1) % 10}`}</kbd>
            </button>
            {s.sid !== engine.value?.session.sid && (
              <Round icon="x" label={t('sessions.forget', { name: s.name })} onClick={() => void ask({ title: t('eleventh.forget'), text: t('sessions.forgetText', { name: s.name }), yes: t('eleventh.forget'), no: t('cancel'), bad: true }).then((yes) => void (yes && forgetSession(s.sid)))} />
            )}
          </li>
        ))}
      </ul>
      <Button icon="user-plus" onClick={() => (phase.value = 'signin')}>
        {t('account.add')}
      </Button>
    </>
  );
}
