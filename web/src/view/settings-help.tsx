import { t, type Key } from '../i18n';
import { chats, isSecure } from '../state/app';
import { lastTrouble } from './trouble';

/** Those of keys.ts, and the keys of a message. */
const shortcuts: [string, string][] = [
  ['Ctrl+K', 'keys.find'],
  ['Ctrl+/', 'keys.help'],
  ['Ctrl+Shift+F', 'keys.findHere'],
  ['Ctrl+Shift+O', 'keys.new'],
  ['Ctrl+Shift+I', 'keys.info'],
  ['Ctrl+,', 'keys.settings'],
  ['Alt+↑ / Alt+↓', 'keys.chat'],
  ['Ctrl+Shift+1 … 0', 'keys.session'],
  ['Esc', 'keys.back'],
  ['↑', 'keys.editLast'],
  ['R E C F I T', 'keys.onMessage'],
];

export function Help() {
  const c = chats.value!;
  const tr = lastTrouble.value;
  return (
    <>
      <h3 class="small-head">{t('help.keys')}</h3>
      <dl class="facts keys">
        {shortcuts.map(([keys, what]) => [
          <dt key={keys}>
            <kbd dir="ltr">{keys}</kbd>
          </dt>,
          <dd key={what}>{t(what as Key)}</dd>,
        ])}
      </dl>
      <h3 class="small-head">{t('help.about')}</h3>
      <p>
        <bdi>{c.config.value?.name}</bdi> <bdi>{c.config.value?.version}</bdi>, <bdi>{c.engine.session.relay}</bdi>
      </p>
      {!isSecure && <p class="notice">{t('insecure')}</p>}
      <p>
        <a href="licences.txt" target="_blank" rel="noopener noreferrer">
          {t('help.licences')}
        </a>
      </p>
      {tr && (
        <>
          <h3 class="small-head">{t('help.last')}</h3>
          <p>
            <code dir="ltr">{[tr.code, tr.more.requestId].filter(Boolean).join(' · ')}</code>
          </p>
        </>
      )}
    </>
  );
}
