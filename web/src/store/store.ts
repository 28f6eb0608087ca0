// One database per session, and a small one for the list of sessions.
import { deleteDB, openDB, type IDBPDatabase } from 'idb';
import type { Chat, Draft, Job, Message, SessionRecord } from '../base/model';
import type { Cipher, LockRecord } from './lock';
import { IdbBackend, MemoryBackend, Table, type Backend, type Change, type Shape } from './table';

export interface StoredFile {
  key: string;
  blob: Blob;
  size: number;
  at: number;
  /** The chat it hangs on; '' for staged ones. */
  chat: string;
}

export interface Meta {
  key: string;
  value: unknown;
}

export interface Translation {
  key: string;
  text: string;
  from: string;
  to: string;
  /** Whose work it is; '' is this device. */
  by: string;
  /** The text that it is the translation of. */
  of: string;
  /** There was nothing to translate. */
  same?: boolean;
}

const shapes = {
  message: { name: 'message', key: (m) => m.key, group: (m) => m.chat, time: (m) => m.at, second: (m) => m.id } as Shape<Message>,
  chat: { name: 'chat', key: (c) => c.key, secretKey: true } as Shape<Chat>,
  job: { name: 'job', key: (j) => j.key, group: (j) => j.chat, time: (j) => j.at } as Shape<Job>,
  draft: { name: 'draft', key: (d) => d.chat, secretKey: true } as Shape<Draft>,
  file: { name: 'file', key: (f) => f.key, group: (f) => f.chat, time: (f) => f.at } as Shape<StoredFile>,
  translation: { name: 'translation', key: (t) => t.key } as Shape<Translation>,
  meta: { name: 'meta', key: (m) => m.key } as Shape<Meta>,
};

const VERSION = 1;

function upgrade(db: IDBPDatabase): void {
  for (const shape of Object.values(shapes)) {
    const store = db.createObjectStore(shape.name, { keyPath: 'k' });
    if (shape.group) store.createIndex('ctk', ['c', 't', 'k']);
    if (shape.time) store.createIndex('t', 't');
    if (shape.second) store.createIndex('m', 'm');
  }
}

/** What a browser says when it keeps nothing: private mode, a full disk, a policy. */
export let isMemoryOnly = false;

async function open(name: string, onUpgrade: (db: IDBPDatabase) => void, onGone?: () => void): Promise<Backend> {
  try {
    const db = await openDB(name, VERSION, {
      upgrade: onUpgrade,
      blocking: () => {
        db.close();
        onGone?.();
      },
    });
    return new IdbBackend(db);
  } catch {
    isMemoryOnly = true;
    return new MemoryBackend();
  }
}

export class Store {
  readonly message: Table<Message>;
  readonly chat: Table<Chat>;
  readonly job: Table<Job>;
  readonly draft: Table<Draft>;
  readonly file: Table<StoredFile>;
  readonly translation: Table<Translation>;
  readonly meta: Table<Meta>;

  private constructor(
    readonly sid: string,
    readonly backend: Backend,
    cipher: () => Cipher | null,
  ) {
    this.message = new Table(backend, shapes.message, cipher);
    this.chat = new Table(backend, shapes.chat, cipher);
    this.job = new Table(backend, shapes.job, cipher);
    this.draft = new Table(backend, shapes.draft, cipher);
    this.file = new Table(backend, shapes.file, cipher);
    this.translation = new Table(backend, shapes.translation, cipher);
    this.meta = new Table(backend, shapes.meta, cipher);
  }

  /** `onGone`: another tab wipes this database. */
  static async open(sid: string, cipher: () => Cipher | null = () => null, onGone?: () => void): Promise<Store> {
    return new Store(sid, await open(`webchat:${sid}`, upgrade, onGone), cipher);
  }

  #last: Promise<unknown> = Promise.resolve();

  /** What reads a row, changes it and writes it does so alone: two of them never lose each other's change. Not to be nested. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Changes a row as it is now, which may be otherwise than a view or a request in between knew it. Undefined: it is gone, or `how` lets it be. */
  update<T>(table: Table<T>, key: string, how: (now: T) => T | undefined): Promise<T | undefined> {
    return this.alone(async () => {
      const now = await table.get(key);
      const next = now && how(now);
      if (next) await table.put(next);
      return next;
    });
  }

  /** A message that is written here and the order to send it. */
  waiting(key: string): Promise<[Message | undefined, Job | undefined]> {
    return Promise.all([this.message.get(key), this.job.get(key)]);
  }

  async get<T>(key: string): Promise<T | undefined> {
    return (await this.meta.get(key))?.value as T | undefined;
  }

  set(key: string, value: unknown): Promise<void> {
    return this.meta.put({ key, value });
  }

  /** All of it or nothing of it. */
  async commit(...changes: Promise<Change>[]): Promise<void> {
    await this.backend.commit(await Promise.all(changes));
  }

  /** Every row again, under the lock or without it. */
  async reseal(to: Cipher | null): Promise<void> {
    for (const shape of Object.values(shapes) as Shape<unknown>[]) {
      const from = new Table<unknown>(this.backend, shape, (this.meta as unknown as { cipher: () => Cipher | null }).cipher);
      const into = new Table<unknown>(this.backend, shape, () => to);
      const old = await this.backend.all(shape.name);
      for (let i = 0; i < old.length; i += 100) {
        const part = old.slice(i, i + 100);
        const values = await Promise.all(part.map((r) => (r.s ? from.cipher()!.open(r.s) : r.v)));
        const packed = await Promise.all(values.map((v) => into.pack(v)));
        const kept = new Set(packed.map((r) => r.k));
        await this.backend.commit([{ table: shape.name, del: part.map((r) => r.k).filter((k) => !kept.has(k)), put: packed }]);
      }
    }
  }

  close(): void {
    this.backend.close();
  }

  static async wipe(sid: string): Promise<void> {
    await deleteDB(`webchat:${sid}`).catch(() => undefined);
  }
}

const listShapes = {
  session: { name: 'session', key: (s) => s.sid, secretKey: true } as Shape<SessionRecord>,
  common: { name: 'common', key: (m) => m.key } as Shape<Meta>,
};

/** The sessions that this browser remembers, and what holds for all of them. */
export class SessionList {
  readonly session: Table<SessionRecord>;
  readonly common: Table<Meta>;
  cipher: Cipher | null = null;

  private constructor(readonly backend: Backend) {
    this.session = new Table(backend, listShapes.session, () => this.cipher);
    this.common = new Table(backend, listShapes.common, () => null);
  }

  static async open(): Promise<SessionList> {
    const backend = await open('webchat', (db) => {
      for (const s of Object.values(listShapes)) db.createObjectStore(s.name, { keyPath: 'k' });
    });
    return new SessionList(backend);
  }

  async lock(): Promise<LockRecord | undefined> {
    return (await this.common.get('lock'))?.value as LockRecord | undefined;
  }

  async setLock(lock: LockRecord | null): Promise<void> {
    if (lock) await this.common.put({ key: 'lock', value: lock });
    else await this.common.del('lock');
  }

  /** Sessions again under another cipher. */
  async reseal(to: Cipher | null): Promise<void> {
    const all = await this.session.all();
    const old = await this.backend.all('session');
    this.cipher = to;
    const put = await Promise.all(all.map((s) => this.session.pack(s)));
    const kept = new Set(put.map((r) => r.k));
    await this.backend.commit([{ table: 'session', del: old.map((r) => r.k).filter((k) => !kept.has(k)), put }]);
  }

  /** Remembered ones, the last used first. */
  async list(): Promise<SessionRecord[]> {
    return (await this.session.all()).sort((a, b) => b.lastUsed - a.lastUsed);
  }
}
