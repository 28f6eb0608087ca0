// What stands in place of a talk: settings, the directory, administration.
import '../ui/icons-more';
import { place } from '../state/app';
import { Directory } from './directory';
import { Lazy } from './lazy';
import { Settings } from './settings';

export function Page() {
  const page = place.value.page!;
  if (page === 'directory' || page.startsWith('directory/')) return <Directory />;
  if (page === 'admin' || page.startsWith('admin/')) return <Lazy load={() => import('./admin')} pick={(m) => m.Admin} />;
  return <Settings />;
}

/** Head of a page. */
