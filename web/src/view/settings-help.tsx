import { t, type Key } from '../i18n';
import { chats, isSecure } from '../state/app';
import { shortcuts } from './keys';
import { lastTrouble } from './trouble';

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
