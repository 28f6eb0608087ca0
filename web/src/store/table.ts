// Rows of one kind. A row is sealed by the lock when there is one; what stands beside it in clear is only for order.
import type { IDBPDatabase } from 'idb';
import type { Cipher } from './lock';

export interface Stored {
  /** primary key */
  k: string;
  /** group (a chat) and time, for ranges; second name (a message_id). */
  c?: string;
  t?: number;
  m?: string;
  v?: unknown;
  s?: { iv: Uint8Array; ct: ArrayBuffer };
}

export interface Shape<T> {
  name: string;
  key: (value: T) => string;
  group?: (value: T) => string;
  time?: (value: T) => number;
  second?: (value: T) => string | undefined;
  /** Keys that name people: kept as HMAC under a lock. */
  secretKey?: boolean;
}

export interface Change {
  table: string;
  put: Stored[];
  del: string[];
}

export interface Backend {
  get(table: string, k: string): Promise<Stored | undefined>;
  second(table: string, m: string): Promise<Stored | undefined>;
  all(table: string): Promise<Stored[]>;
  /** Rows of a group, newest first, before (or, oldest first, from) a place. */
  page(table: string, c: string, from: { t: number; k: string } | null, limit: number, newer: boolean): Promise<Stored[]>;
  keysBefore(table: string, c: string | null, t: number): Promise<string[]>;
  commit(changes: Change[]): Promise<void>;
  close(): void;
}

export class Table<T> {
  constructor(
    readonly backend: Backend,
    readonly shape: Shape<T>,
    readonly cipher: () => Cipher | null,
  ) {}

  async #hidden(key: string): Promise<string> {
    const c = this.cipher();
    return c ? c.hide(key) : key;
  }

  #keyOf(key: string): Promise<string> | string {
    return this.shape.secretKey ? this.#hidden(key) : key;
  }

  async pack(value: T): Promise<Stored> {
    const { key, group, time, second } = this.shape;
    const row: Stored = { k: await this.#keyOf(key(value)) };
    if (group) row.c = await this.#hidden(group(value));
    if (time) row.t = time(value);
    const m = second?.(value);
    if (m) row.m = m;
    const cipher = this.cipher();
    if (cipher) row.s = await cipher.seal(value);
    else row.v = value;
    return row;
  }

  async #open(row: Stored): Promise<T> {
    const cipher = this.cipher();
    if (row.s) {
      if (!cipher) throw new Error('locked');
      return (await cipher.open(row.s)) as T;
    }
    return row.v as T;
  }

  async get(key: string): Promise<T | undefined> {
    const row = await this.backend.get(this.shape.name, await this.#keyOf(key));
    return row && this.#open(row);
  }

  async bySecond(name: string): Promise<T | undefined> {
    const row = await this.backend.second(this.shape.name, name);
    return row && this.#open(row);
  }

  async all(): Promise<T[]> {
    return Promise.all((await this.backend.all(this.shape.name)).map((r) => this.#open(r)));
  }

  /** Up to `limit` of a group in the order of time: the newest before `from`, or the oldest from it on. */
  async page(group: string, from: { t: number; k: string } | null, limit: number, newer = false): Promise<T[]> {
    const rows = await this.backend.page(this.shape.name, await this.#hidden(group), from, limit, newer);
    const out = await Promise.all(rows.map((r) => this.#open(r)));
    return newer ? out : out.reverse();
  }

  /** Keys of rows older than a time, in one group or in all. */
  async keysBefore(group: string | null, time: number): Promise<string[]> {
    return this.backend.keysBefore(this.shape.name, group === null ? null : await this.#hidden(group), time);
  }

  async change(put: T[], del: string[] = []): Promise<Change> {
    return { table: this.shape.name, put: await Promise.all(put.map((v) => this.pack(v))), del: await Promise.all(del.map((k) => this.#keyOf(k))) };
  }

  async put(...values: T[]): Promise<void> {
    await this.backend.commit([await this.change(values)]);
  }

  async del(...keys: string[]): Promise<void> {
    await this.backend.commit([await this.change([], keys)]);
  }
}

/** IndexedDB by idb. */
export class IdbBackend implements Backend {
  constructor(readonly db: IDBPDatabase) {}

  get(table: string, k: string): Promise<Stored | undefined> {
    return this.db.get(table, k);
  }

  second(table: string, m: string): Promise<Stored | undefined> {
    return this.db.getFromIndex(table, 'm', m);
  }

  all(table: string): Promise<Stored[]> {
    return this.db.getAll(table);
  }

  async page(table: string, c: string, from: { t: number; k: string } | null, limit: number, newer: boolean): Promise<Stored[]> {
    const index = this.db.transaction(table).store.index('ctk');
    if (newer) return index.getAll(IDBKeyRange.bound(from ? [c, from.t, from.k] : [c], [c, []]), limit);
    const range = from ? IDBKeyRange.bound([c], [c, from.t, from.k], false, true) : IDBKeyRange.bound([c], [c, []]);
    const out: Stored[] = [];
    for (let cursor = await index.openCursor(range, 'prev'); cursor && out.length < limit; cursor = await cursor.continue()) out.push(cursor.value as Stored);
    return out;
  }

  async keysBefore(table: string, c: string | null, t: number): Promise<string[]> {
    const tx = this.db.transaction(table);
    if (c !== null) return (await tx.store.index('ctk').getAllKeys(IDBKeyRange.bound([c], [c, t]))) as string[];
    return (await tx.store.index('t').getAllKeys(IDBKeyRange.upperBound(t, true))) as string[];
  }

  async commit(changes: Change[]): Promise<void> {
    const touched = changes.filter((c) => c.put.length || c.del.length);
    if (!touched.length) return;
    const tx = this.db.transaction([...new Set(touched.map((c) => c.table))], 'readwrite', { durability: 'relaxed' });
    for (const c of touched) {
      const store = tx.objectStore(c.table);
      for (const k of c.del) void store.delete(k);
      for (const row of c.put) void store.put(row);
    }
    await tx.done;
  }

  close(): void {
    this.db.close();
  }
}

/** The same in memory, where a browser refuses a database: gone with the page. */
export class MemoryBackend implements Backend {
  #tables = new Map<string, Map<string, Stored>>();

  #rows(table: string): Map<string, Stored> {
    const rows = this.#tables.get(table) ?? new Map<string, Stored>();
    this.#tables.set(table, rows);
    return rows;
  }

  async get(table: string, k: string): Promise<Stored | undefined> {
    return this.#rows(table).get(k);
  }

  async second(table: string, m: string): Promise<Stored | undefined> {
    return [...this.#rows(table).values()].find((r) => r.m === m);
  }

  async all(table: string): Promise<Stored[]> {
    return [...this.#rows(table).values()];
  }

  async page(table: string, c: string, from: { t: number; k: string } | null, limit: number, newer: boolean): Promise<Stored[]> {
    const order = (a: { t?: number; k: string }, b: { t?: number; k: string }): number => a.t! - b.t! || (a.k < b.k ? -1 : a.k > b.k ? 1 : 0);
    const rows = [...this.#rows(table).values()].filter((r) => r.c === c).sort(order);
    if (newer) return rows.filter((r) => !from || order(r, from) >= 0).slice(0, limit);
    return rows.filter((r) => !from || order(r, from) < 0).reverse().slice(0, limit);
  }

  async keysBefore(table: string, c: string | null, t: number): Promise<string[]> {
    return [...this.#rows(table).values()].filter((r) => (c === null || r.c === c) && r.t! < t).map((r) => r.k);
  }

  async commit(changes: Change[]): Promise<void> {
    for (const c of changes) {
      for (const k of c.del) this.#rows(c.table).delete(k);
      for (const row of c.put) this.#rows(c.table).set(row.k, row);
    }
  }

  close(): void {
    this.#tables.clear();
  }
}
