// Panes, banners and what holds everywhere: toasts, menus, dialogs, shortcuts, the line for screen readers.
import { useEffect } from 'preact/hooks';
import { t } from '../i18n';
import { chats, engine, isSecure, newVersion, online, phase } from '../state/app';
import { isMemoryOnly } from '../store/store';
import { Dialogs } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { spoken } from '../ui/live';
import { MenuHost } from '../ui/menu';
import { Button } from '../ui/parts';
import { dropToast, toasts } from '../ui/toast';
import { Lazy } from './lazy';
import { listenKeys } from './keys';

function Banner() {
  const c = chats.value;
  const s = c?.sync.value;
  if (newVersion.value)
    return (
      <p class="banner" role="status">
        <span class="grow">{t('banner.version')}</span>
        <Button kind="quiet" onClick={() => location.reload()}>
          {t('reload')}
        </Button>
      </p>
    );
  if (s?.state === 'signed-out')
    return (
      <p class="banner bad" role="status">
        <Icon name="log-in" small />
        <span class="grow">{t('banner.signedOut')}</span>
        <Button kind="quiet" onClick={() => (phase.value = 'signin')}>
          {t('signIn')}
        </Button>
      </p>
    );
  if (s && (!online.value || s.state === 'offline'))
    return (
      <p class="banner" role="status">
        <Icon name="wifi-off" small />
        <span class="grow">{t('banner.offline')}</span>
        <Button kind="quiet" onClick={() => engine.value?.online()}>
          {t('tryNow')}
        </Button>
      </p>
    );
  if (isMemoryOnly)
    return (
      <p class="banner" role="status">
        <span class="grow">{t('banner.memory')}</span>
      </p>
    );
  return null;
}

function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map((x) => (
        <div key={x.id} class={`toast${x.bad ? ' bad' : ''}`}>
          <span class="grow">{x.text}</span>
          {x.action && (
            <button
              type="button"
              class="text-button"
              onClick={() => {
                dropToast(x.id);
                x.action!.run();
              }}
            >
              {x.action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}

const loadMain = (): Promise<typeof import('./panes')> => import('./panes');

export function App() {
  useEffect(() => listenKeys(), []);
  const now = phase.value;
  return (
    <>
      {now === 'open' && <Banner />}
      {now === 'boot' && <div class="boot" aria-busy="true" />}
      {now === 'locked' && <Lazy load={() => import('./lock')} pick={(m) => m.Locked} />}
      {now === 'signin' && <Lazy load={() => import('./signin')} pick={(m) => m.SignIn} name="signin" />}
      {now === 'open' && engine.value && chats.value && <Lazy load={loadMain} pick={(m) => m.Main} name="main" key={engine.value?.session.sid} />}
      <Toasts />
      <MenuHost />
      <Dialogs />
      <p class="hidden" aria-live="polite">
        {spoken.value}
      </p>
      {!isSecure && now === 'signin' && <p class="insecure">{t('insecure')}</p>}
    </>
  );
}
