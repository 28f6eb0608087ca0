// Settings: a list of sections, a page each on a narrow screen, two columns beside each other on a wide one.
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { t, type Key } from '../i18n';
import { back, chats, go, place } from '../state/app';
import { Icon, type IconName } from '../ui/icon';
import { rove } from '../ui/roving';
import { PageHead } from './page-head';
import { Advanced } from './settings-advanced';
import { Lazy } from './lazy';
import { Help } from './settings-help';
import { Look } from './settings-look';
import { Notifications } from './settings-notify';
import { Leave, Privacy } from './settings-privacy';
import { Sessions } from './settings-sessions';
import { You } from './settings-you';

const sections: [string, IconName, ComponentType][] = [
  ['you', 'user', You],
  ['sessions', 'laptop', Sessions],
  ['look', 'palette', Look],
  ['notifications', 'bell', Notifications],
  ['privacy', 'shield', Privacy],
  ['advanced', 'sliders-horizontal', Advanced],
  ['contacts', 'contact', () => <Lazy load={() => import('./settings-contacts')} pick={(m) => m.Contacts} />],
  ['help', 'circle-help', Help],
];

/** Room for the sections and one of them beside each other: then one is always shown. */
const wide = matchMedia('(min-width: 1000px)');
const isWide = signal(wide.matches);
wide.addEventListener('change', (e) => (isWide.value = e.matches));

export function Settings() {
  const sub = place.value.page!.split('/')[1] ?? '';
  const shown = sub === 'leave' ? 'leave' : (sections.find(([id]) => id === sub)?.[0] ?? (isWide.value ? 'you' : ''));
  const View = shown === 'leave' ? Leave : sections.find(([id]) => id === shown)?.[2];
  const title = shown === 'leave' ? t('leave.title') : shown ? t(`settings.${shown}` as Key) : t('settings.title');
  void chats.value;
  return (
    <main class="talk page settings" data-sub={sub || undefined} aria-label={t('settings.title')}>
      <PageHead title={sub ? title : t('settings.title')} onBack={back} />
      <div class="settings-in">
        <nav class="settings-nav" aria-label={t('settings.title')} onKeyDown={(e) => rove(e, 'button')}>
          {sections.map(([id, icon]) => (
            <button key={id} type="button" class="row-button" aria-current={shown === id ? 'page' : undefined} onClick={() => go({ page: `settings/${id}` })}>
              <Icon name={icon} />
              <span class="grow">{t(`settings.${id}` as Key)}</span>
              <Icon name="chevron-right" small />
            </button>
          ))}
        </nav>
        {View && (
          <div class="page-body stack settings-body" key={shown}>
            <View />
          </div>
        )}
      </div>
    </main>
  );
}
