import type { ComponentChildren } from 'preact';
import { t } from '../i18n';
import { Round } from '../ui/parts';

export function PageHead({ title, onBack, children, always }: { title: string; onBack: () => void; children?: ComponentChildren; always?: boolean }) {
  return (
    <header class="talk-head page-head">
      <Round icon="arrow-left" label={t('back')} class={always ? '' : 'back'} onClick={onBack} />
      <h2 class="grow one">{title}</h2>
      {children}
    </header>
  );
}
