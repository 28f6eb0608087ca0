// The launch link: all that it says stands in the fragment, which no server sees.
import { looksLikeEmail, relayUrl } from './rules';

export interface Launch {
  relay: string;
  email: string;
  name: string;
  session: string;
  invite: string;
  group: string;
  to: string;
}

/** null: no launch link. Values that cannot be used are left out. */
export function parseLaunch(hash: string): Launch | null {
  if (!/^#[a-z]+=/.test(hash)) return null;
  const q = new URLSearchParams(hash.slice(1));
  const short = (name: string, most: number): string => (q.get(name) ?? '').trim().slice(0, most);
  const relay = relayUrl(short('relay', 500));
  const email = short('email', 254);
  const launch: Launch = {
    relay: relay ?? '', email: looksLikeEmail(email) ? email : '', name: short('name', 128), session: short('session', 64), invite: short('invite', 128), group: /^grp_[0-9a-f]{32}$/.test(short('group', 64)) ? short('group', 64) : '', to: /^[a-z0-9][a-z0-9._-]{2,63}$/.test(short('to', 64)) ? short('to', 64) : '',
  };
  return launch.relay || launch.email || launch.invite || launch.group || launch.to ? launch : null;
}

/** A link to this page (`page`: its address without a fragment) that parseLaunch reads back. */
export function launchLink(page: string, relay: string, more: Partial<Pick<Launch, 'invite' | 'group' | 'to'>>): string {
  const q = new URLSearchParams({ relay, mode: 'private' });
  for (const [name, value] of Object.entries(more)) if (value) q.set(name, value);
  return `${page}#${q.toString()}`;
}
