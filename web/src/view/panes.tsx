// The panes of a session that is open: list, talk or page, info.
import { signal } from '@preact/signals';
import { Component, type ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n';
import { chats, launch, place } from '../state/app';
import { Icon } from '../ui/icon';
import { Button } from '../ui/parts';
import { calling, loadCalls } from './calling';
import { Lazy } from './lazy';
import { ChatList } from './list';
import { Talk } from './talk';

/** What tells news needs not be there before the panes are. */
const news = signal<typeof import('./notices') | null>(null);
void import('./notices').then((m) => (news.value = m), () => undefined);

/** An exception in a pane replaces that pane only. */
export class Guard extends Component<{ children: ComponentChildren; name: string }, { error: Error | null }> {
  override state = { error: null as Error | null };
  override componentDidCatch(error: Error): void {
    console.error(error);
    this.setState({ error });
  }
  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <div class="empty" role="alert">
        <Icon name="circle-alert" />
        <p class="title">{t('broken.title')}</p>
        <p>{t('broken.text')}</p>
        <details>
          <summary>{t('broken.details')}</summary>
          <code>{String(this.state.error)}</code>
        </details>
        <Button kind="main" onClick={() => location.reload()}>
          {t('reload')}
        </Button>
      </div>
    );
  }
}

export function Main() {
  const p = place.value;
  useEffect(() => {
    if (launch.value) void import('./arrival').then((m) => m.arrive());
  }, []);
  const C = calling.value;
  const hasCalls = chats.value!.config.value?.features['calls'];
  useEffect(() => void (hasCalls && loadCalls().catch(() => undefined)), [hasCalls]); // without it one writes
  const pane = p.page ? 'page' : p.chat ? 'chat' : 'list';
  return (
    <>
      {hasCalls && C && <C.Calls />}
      <div class="app" data-pane={pane} data-panel={p.panel === 'info' && p.chat && !p.page ? 'info' : undefined}>
        {news.value && <news.value.Notices />}
        <Guard name="list">
          <ChatList />
        </Guard>
        {p.page ? (
          <Guard name="page" key={p.page.split('/')[0]}>
            <Lazy load={() => import('./pages')} pick={(m) => m.Page} />
          </Guard>
        ) : (
          <Guard name="talk" key={p.chat}>
            <Talk />
          </Guard>
        )}
        {p.panel === 'info' && p.chat && !p.page && (
          <Guard name="info" key={'info' + p.chat}>
            <Lazy load={() => import('./info')} pick={(m) => m.Info} />
          </Guard>
        )}
      </div>
    </>
  );
}

