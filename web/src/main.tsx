import { narrow, boot } from './state/app';

narrow();

import { render } from 'preact';
import { App } from './view/app';
import { startShell } from './state/shell';

render(<App />, document.getElementById('app')!);
void import('./view/focus').then((x) => x.followFocus());
void boot().then(startShell);
