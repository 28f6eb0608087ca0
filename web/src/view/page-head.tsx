import type { ComponentChildren } from 'preact';
import { t } from '../i18n';
import { onePane } from '../state/app';
import { PaneTitle, Round } from '../ui/parts';

export function PageHead({ title, onBack, children, always }: { title: string; onBack: () => void; children?: ComponentChildren; always?: boolean }) {
  return (
    <header class="talk-head page-head">
      <Round icon="arrow-left" label={t('back')} class={always ? '' : 'back'} onClick={onBack} />
      <PaneTitle first={onePane.value} class="grow one">
        {title}
      </PaneTitle>
      {children}
    </header>
  );
}
