import { narrow, boot } from './state/app';

narrow();

import { render } from 'preact';
import { App } from './view/app';

render(<App />, document.getElementById('app')!);
void import('./view/focus').then((x) => x.followFocus());
void boot().then(() => import('./state/shell')).then((x) => x.startShell());
