// Ways out: signing out, forgetting the device, erasing the account; and what is kept under a passphrase.
import { Store } from '../store/store';
import { accountsOf, background, closeSession, engine, isLocked, leaveSession, openSession, sessions } from './app';

export async function signOut(): Promise<void> {
  const e = engine.peek()!;
  e.leaving();
  e.tellWiped();
  const s = e.session;
  await closeSession();
  await accountsOf().signOut(s);
  await leaveSession();
}

/** Everything of WebChat leaves this browser; sessions end where their relay can be reached. */
export async function forgetDevice(): Promise<void> {
  engine.peek()?.tellWiped();
  await closeSession();
  for (const e of background.values()) await e.stop();
  background.clear();
  const ends = sessions.peek().map((s) => accountsOf().signOut(s));
  await Promise.race([Promise.all(ends), new Promise((d) => setTimeout(d, 5000))]);
  for (const s of sessions.peek()) await accountsOf().forget(s.sid);
  await accountsOf().list.setLock(null);
  for (const key of Object.keys(localStorage)) if (key.startsWith('webchat.')) localStorage.removeItem(key);
  sessionStorage.clear();
  for (const name of (await globalThis.caches?.keys()) ?? []) await caches.delete(name);
  location.replace(location.pathname);
}

export async function eraseAccount(): Promise<void> {
  const e = engine.peek()!;
  await e.api.erase();
  e.tellWiped();
  const sid = e.session.sid;
  await closeSession();
  await accountsOf().forget(sid);
  await leaveSession();
}

/** Puts everything that is kept here under a passphrase; null takes the lock away. */
export async function setPassphrase(passphrase: string | null): Promise<void> {
  const current = engine.peek()?.session;
  await closeSession();
  for (const e of background.values()) await e.stop();
  background.clear();
  const { Cipher } = await import('../store/lock');
  const from = accountsOf().list.cipher;
  const to = passphrase === null ? null : await Cipher.fresh();
  for (const s of sessions.peek()) {
    const store = await Store.open(s.sid, () => from);
    await store.reseal(to);
    store.close();
  }
  await accountsOf().list.setLock(passphrase === null ? null : await to!.wrap(passphrase));
  await accountsOf().list.reseal(to);
  isLocked.value = to !== null;
  if (current) await openSession(current);
}
