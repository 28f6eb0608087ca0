// "Bring my history": what this device keeps, encrypted under a key of 160 random bits that is shown once.
import type { Chat, Message } from '../base/model';
import { Trouble } from '../base/trouble';
import { Cipher } from './lock';
import type { Store, StoredFile } from './store';

const MAGIC = 'WEBCHAT1';
const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const PART = 200;

interface Part {
  messages?: Message[];
  chats?: Chat[];
  files?: StoredFile[];
}

/** 160 bits as 8 groups of 4 letters. */
export function keyText(bytes: Uint8Array): string {
  let bits = 0n;
  for (const b of bytes) bits = (bits << 8n) | BigInt(b);
  let out = '';
  for (let i = 0; i < 32; i++) {
    out = letters[Number(bits & 31n)] + out;
    bits >>= 5n;
  }
  return out.match(/.{4}/g)!.join('-');
}

/** null: not a key. Case, spaces and the letters that look alike do not matter. */
export function keyBytes(text: string): Uint8Array | null {
  const plain = text.toUpperCase().replace(/[^A-Z0-9]/g, '').replace(/[IO01]/g, (c) => ({ I: 'J', O: 'Q', '0': 'Q', '1': 'L' })[c]!);
  if (plain.length !== 32 || [...plain].some((c) => !letters.includes(c))) return null;
  let bits = 0n;
  for (const c of plain) bits = (bits << 5n) | BigInt(letters.indexOf(c));
  const out = new Uint8Array(20);
  for (let i = 19; i >= 0; i--) {
    out[i] = Number(bits & 255n);
    bits >>= 8n;
  }
  return out;
}

async function cipherOf(key: Uint8Array): Promise<Cipher> {
  const raw = await crypto.subtle.digest('SHA-256', new Uint8Array([...new TextEncoder().encode('webchat archive'), ...key]));
  return Cipher.of(new Uint8Array(raw));
}

export async function makeArchive(store: Store): Promise<{ blob: Blob; key: string }> {
  const key = crypto.getRandomValues(new Uint8Array(20));
  const cipher = await cipherOf(key);
  const out: BlobPart[] = [new TextEncoder().encode(MAGIC)];
  const add = async (part: Part): Promise<void> => {
    const { iv, ct } = await cipher.seal(part);
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, ct.byteLength);
    out.push(head, iv as Uint8Array<ArrayBuffer>, ct);
  };
  await add({ chats: await store.chat.all() });
  const messages = (await store.message.all()).filter((m) => m.id);
  for (let i = 0; i < messages.length; i += PART) await add({ messages: messages.slice(i, i + PART) });
  for (const f of await store.file.all()) if (f.chat) await add({ files: [f] });
  return { blob: new Blob(out), key: keyText(key) };
}

/** Adds what is not here yet; answers how many messages came. */
export async function readArchive(store: Store, file: Blob, text: string): Promise<number> {
  const key = keyBytes(text);
  if (!key) throw new Trouble('refused', 'archive_key', '');
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC) throw new Trouble('refused', 'archive_bad', '');
  const cipher = await cipherOf(key);
  const parts: Part[] = [];
  const view = new DataView(bytes.buffer);
  for (let at = 8; at < bytes.length; ) {
    if (at + 16 > bytes.length) throw new Trouble('refused', 'archive_bad', '');
    const length = view.getUint32(at);
    if (at + 16 + length > bytes.length) throw new Trouble('refused', 'archive_bad', '');
    try {
      parts.push((await cipher.open({ iv: bytes.slice(at + 4, at + 16), ct: bytes.slice(at + 16, at + 16 + length).buffer })) as Part);
    } catch {
      throw new Trouble('refused', 'archive_key', '');
    }
    at += 16 + length;
  }
  let n = 0;
  for (const p of parts) {
    const fresh: Message[] = [];
    for (const m of p.messages ?? []) if (m.id && !((await store.message.bySecond(m.id))?.text || (await store.message.get(m.key))?.text)) fresh.push(m);
    const chats: Chat[] = [];
    for (const c of p.chats ?? []) {
      const here = await store.chat.get(c.key);
      chats.push(here ? { ...c, ...here, last: here.last && here.lastAt >= c.lastAt && here.last.kind !== 'scrubbed' ? here.last : c.last, lastAt: Math.max(here.lastAt, c.lastAt) } : { ...c, unread: 0, readTo: Math.max(c.readTo, c.lastAt) });
    }
    for (const m of fresh) {
      const stub = m.id ? await store.message.bySecond(m.id) : undefined;
      if (stub && stub.key !== m.key) await store.message.del(stub.key);
    }
    await store.commit(store.message.change(fresh), store.chat.change(chats), store.file.change(p.files ?? []));
    n += fresh.length;
  }
  return n;
}
