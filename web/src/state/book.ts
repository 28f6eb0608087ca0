// The address book: fetched with its version, changed against whatever the relay has by then, and what it calls chats.
import { bookKey } from '../base/contacts';
import { partsOf, type Chat } from '../base/model';
import { isTrouble } from '../base/trouble';
import type { Contact } from '../wire/api';
import type { Engine } from '../core/engine';
import { engine } from './app';

const TRIES = 6;

interface Kept {
  etag: string;
  contacts: Contact[];
}

const keptOf = async (e: Engine): Promise<Kept> => (await e.store.get<Kept>('contacts')) ?? { etag: '', contacts: [] };

/** The book as the relay has it now; what has not changed is not sent again. */
export async function loadBook(e = engine.peek()!): Promise<Kept> {
  const kept = await keptOf(e);
  const got = await e.api.contacts(kept.etag);
  if (!got) return kept;
  await e.store.set('contacts', got);
  await callChats(e, kept.contacts, got.contacts);
  e.emit('contacts', got.contacts);
  return got;
}

/** Changes the book. `change` is run again on what another device has put there meanwhile. */
export async function changeBook(change: (list: Contact[]) => Contact[], e = engine.peek()!): Promise<Contact[]> {
  for (let i = 1; ; i++) {
    const { etag, contacts } = await loadBook(e);
    const next = change(contacts);
    try {
      await e.api.putContacts(next, etag);
      return (await loadBook(e)).contacts;
    } catch (x) {
      if (!isTrouble(x) || x.code !== 'precondition_failed' || i >= TRIES) throw x;
    }
  }
}

/** `kept`: names from the last known book, without asking the relay. */
export async function callAll(e: Engine, kept: boolean): Promise<void> {
  const { contacts } = kept ? await keptOf(e) : await loadBook(e);
  await callChats(e, [], contacts);
}

/** A contact that is gone leaves its address behind as a name; other names that somebody typed stay. */
async function callChats(e: Engine, before: Contact[], now: Contact[]): Promise<void> {
  const names = new Map(now.map((c) => [bookKey(c), c.name]));
  const gone = new Map(before.map((c) => [bookKey(c), c.name]));
  for (const chat of [...e.inbox.chats.values()].filter((c) => c.kind === 'outside')) {
    const { channel, address } = partsOf(chat.key);
    const key = bookKey({ channel: channel as Contact['channel'], address, name: '' });
    const title: Chat['title'] = names.get(key) ?? (gone.get(key) === chat.title ? address : chat.title);
    if (title !== chat.title) await e.changeChat(chat.key, { title });
  }
}
