// The sessions that this browser remembers: at most ten.
import { fnv1a } from '../base/ids';
import type { SessionRecord } from '../base/model';
import type { User } from '../wire/api';
import { Api } from '../wire/api';
import { Relay } from '../wire/client';
import { SessionList, Store } from '../store/store';

export const MOST_SESSIONS = 10;

/** A name for a database that tells nobody whose it is. */
export function sidOf(relay: string, address: string): string {
  const name = `${relay}|${address}`;
  return [0, 1, 2, 3].map((n) => fnv1a(`${n}${name}`).toString(16).padStart(8, '0')).join('');
}

export class Accounts {
  constructor(readonly list: SessionList) {}

  async add(relay: string, relayName: string, token: string, user: User): Promise<SessionRecord> {
    const sid = sidOf(relay, user.chat_address);
    const old = await this.list.session.get(sid);
    const record: SessionRecord = {
      ...old, sid, relay, relayName, address: user.chat_address, name: user.display_name || user.chat_address, email: user.email, token, lastUsed: Date.now(), language: user.language, signedOut: false,
    };
    await this.list.session.put(record);
    return record;
  }

  async touch(sid: string, change: Partial<SessionRecord>): Promise<void> {
    const s = await this.list.session.get(sid);
    if (s) await this.list.session.put({ ...s, ...change });
  }

  /** Ends the session with the relay, if it can be reached, and wipes it here in any case. */
  async signOut(s: SessionRecord): Promise<void> {
    if (s.token && !s.signedOut) await new Api(new Relay(s.relay, s.token)).logout().catch(() => undefined);
    await this.forget(s.sid);
  }

  async forget(sid: string): Promise<void> {
    await this.list.session.del(sid);
    await Store.wipe(sid);
  }
}
