// Attachments are fetched when they arrive: the relay lets them go when everybody has them.
import type { Attachment, Message } from '../base/model';
import { Trouble } from '../base/trouble';
import type { Store } from '../store/store';
import { fileUrl, type Api } from '../wire/api';
import { troubleOf } from '../wire/client';

const AT_ONCE = 3;

export class Files {
  #waiting: { m: Message; a: Attachment; done: (ok: boolean) => void }[] = [];
  #busy = new Map<string, Promise<boolean>>();
  #active = 0;

  constructor(
    readonly store: Store,
    readonly api: Api,
    readonly onMessages: (changed: Message[]) => Promise<void>,
  ) {}

  /** Fetches what is away and not larger than `most`; settles when each is here or cannot be had now. */
  async fetchAll(messages: Message[], most: number): Promise<boolean> {
    const all = messages.flatMap((m) => (m.files ?? []).filter((a) => a.at === 'away' && a.file_id && a.size <= most).map((a) => this.fetch(m, a)));
    return (await Promise.all(all)).every(Boolean);
  }

  /** true: nothing more can be had of it (it is here, or gone). */
  fetch(m: Message, a: Attachment): Promise<boolean> {
    const known = this.#busy.get(a.key);
    if (known) return known;
    const task = new Promise<boolean>((done) => {
      this.#waiting.push({ m, a, done });
      this.#next();
    }).finally(() => this.#busy.delete(a.key));
    this.#busy.set(a.key, task);
    return task;
  }

  #next(): void {
    while (this.#active < AT_ONCE && this.#waiting.length) {
      const { m, a, done } = this.#waiting.shift()!;
      this.#active++;
      void this.#one(m, a)
        .then(done, () => done(false))
        .finally(() => {
          this.#active--;
          this.#next();
        });
    }
  }

  async #one(m: Message, a: Attachment): Promise<boolean> {
    let at: Attachment['at'] = 'here';
    try {
      const r = await this.api.relay.fetch('GET', fileUrl(a.file_id!), undefined, { timeoutMs: 120_000 });
      if (!r.ok) throw troubleOf(r.status, null, null);
      const blob = await r.blob();
      if (blob.size !== a.size && a.size > 0) throw new Trouble('broken', 'cut', 'The file broke off.');
      await this.store.file.put({ key: a.key, blob: new Blob([blob], { type: a.mime }), size: blob.size, at: m.at, chat: m.chat });
    } catch (e) {
      if (!(e instanceof Trouble) || e.more.status !== 404) return false;
      at = 'gone';
    }
    const changed = await this.store.update(this.store.message, m.key, (now) => now.files && { ...now, files: now.files.map((f) => (f.key === a.key ? { ...f, at } : f)) });
    if (changed) await this.onMessages([changed]);
    return true;
  }
}
