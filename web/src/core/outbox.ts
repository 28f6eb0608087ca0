// What is to be told to the relay, kept before any request: one queue per chat, in order, each with the same bytes for ever.
import type { Job, Message, StagedFile } from '../base/model';
import { asTrouble, Trouble } from '../base/trouble';
import type { Store } from '../store/store';
import type { Api } from '../wire/api';
import { upload } from '../wire/upload';

const KEY_LIFE_MS = 23 * 3600_000;
const MAX_WAIT_MS = 60_000;

export interface OutboxEvents {
  onMessages: (changed: Message[]) => Promise<void>;
  onProgress: (key: string, part: number) => void;
  onSignedOut: () => void;
  /** A message got its id: its receipts are worth asking for. */
  onSent: (m: Message) => void;
  onTrouble: (t: Trouble) => void;
}

export class Outbox {
  #running = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #uploads = new Map<string, AbortController>();
  #isOn = false;

  constructor(
    readonly store: Store,
    readonly api: Api,
    readonly events: OutboxEvents,
  ) {}

  start(): void {
    this.#isOn = true;
    void this.kick();
  }

  stop(): void {
    this.#isOn = false;
    clearTimeout(this.#timer);
    for (const u of this.#uploads.values()) u.abort();
  }

  /** Looks at every queue; `now`: also at those that wait for their next try. */
  async kick(now = false): Promise<void> {
    if (!this.#isOn) return;
    clearTimeout(this.#timer);
    const jobs = await this.store.alone(async () => {
      const all = await this.store.job.all();
      if (now) await this.store.job.put(...all.filter((j) => j.nextTry && !j.stopped).map((j) => ({ ...j, nextTry: 0 })));
      return all;
    });
    for (const chat of new Set(jobs.filter((j) => !j.stopped).map((j) => j.chat))) void this.#run(chat);
  }

  async #run(chat: string): Promise<void> {
    if (this.#running.has(chat)) return;
    this.#running.add(chat);
    try {
      for (;;) {
        const jobs = (await this.store.job.page(chat, null, 1000)).filter((j) => !j.stopped);
        const job = jobs[0];
        // without a network nothing is tried, so nothing becomes uncertain
        if (!job || !this.#isOn || !navigator.onLine) return;
        const wait = (job.nextTry ?? 0) - Date.now();
        if (wait > 0) {
          clearTimeout(this.#timer);
          this.#timer = setTimeout(() => void this.kick(), Math.min(wait, MAX_WAIT_MS));
          return;
        }
        if (!(await this.#attempt(job))) return;
      }
    } finally {
      this.#running.delete(chat);
    }
  }

  /** true: go on with the next one. */
  async #attempt(job: Job): Promise<boolean> {
    try {
      if (job.op === 'send') await this.#send(job);
      else await this.#tell(job);
      return true;
    } catch (e) {
      const t = asTrouble(e);
      if (!(await this.store.job.get(job.key))) return true;
      this.events.onTrouble(t);
      if (t.kind === 'signed-out') {
        this.events.onSignedOut();
        return false;
      }
      if (t.kind === 'refused') {
        await this.#stopped(job, 'failed', t.code, t.message);
        return true;
      }
      await this.store.update(this.store.job, job.key, (kept) => {
        const back = Math.min(MAX_WAIT_MS, 1000 * 2 ** kept.tries) * (0.75 + Math.random() / 2);
        return { ...kept, tries: kept.tries + 1, nextTry: Date.now() + (t.kind === 'later' ? Math.max(t.more.waitMs ?? 0, 1000) : back) };
      });
      return true;
    }
  }

  async #stopped(job: Job, kind: 'failed' | 'unsure', code: string, message?: string): Promise<void> {
    if (job.op !== 'send') {
      await this.store.job.del(job.key);
      return;
    }
    const failed = await this.store.alone(async () => {
      const [m, kept] = await this.store.waiting(job.key);
      if (!m || !kept) return void (await this.store.job.del(job.key)); // a reaction, or taken back meanwhile
      const next: Message = { ...m, state: kind, error: code === 'refused' ? message : code };
      await this.store.commit(this.store.job.change([{ ...kept, stopped: { kind, code, message } }]), this.store.message.change([next]));
      return next;
    });
    if (failed) await this.events.onMessages([failed]);
  }

  async #upload(job: Job, file: StagedFile): Promise<string> {
    const stored = await this.store.file.get(file.key);
    if (!stored) throw new Trouble('refused', 'file_lost', 'The file is not on this device any more.');
    const stop = new AbortController();
    this.#uploads.set(job.key, stop);
    try {
      const up = await upload(this.api.relay, file.key, file.name, stored.blob.type === file.mime ? stored.blob : new Blob([stored.blob], { type: file.mime }), (part) => this.events.onProgress(file.key, part), stop.signal);
      return up.file_id;
    } finally {
      this.#uploads.delete(job.key);
    }
  }

  /** Ends a send that is under way or waits; its message is the caller's to remove. */
  cancel(key: string): void {
    this.#uploads.get(key)?.abort();
  }

  async #send(first: Job): Promise<void> {
    if (first.firstTry && Date.now() - first.firstTry > KEY_LIFE_MS) return this.#stopped(first, 'unsure', 'not_confirmed');
    for (const file of first.files ?? []) {
      if (file.file_id) continue;
      const file_id = await this.#upload(first, file);
      // it may have been edited or taken back while its files went up
      const kept = await this.store.update(this.store.job, first.key, (now) => ({ ...now, files: now.files!.map((f) => (f.key === file.key ? { ...f, file_id } : f)) }));
      if (!kept) return;
    }
    const job = await this.store.update(this.store.job, first.key, (now) => {
      if (now.body !== undefined) return now;
      const attachments = now.files?.map((f) => this.#reference(f));
      return { ...now, body: JSON.stringify({ ...now.draft, ...(attachments?.length ? { attachments } : {}), idempotency_key: now.key }), firstTry: Date.now() };
    });
    if (!job) return;
    const answer = await this.api.send(job.body!);
    const changed = await this.store.alone(() => this.#accepted(job, answer.message_id));
    await this.events.onMessages(changed);
    if (changed[0]) this.events.onSent(changed[0]);
  }

  /** The relay has the message: it gets its id, and the job is done. */
  async #accepted(job: Job, id: string): Promise<Message[]> {
    const m = await this.store.message.get(job.key);
    const files = m?.files?.map((f, i) => ({ ...f, file_id: job.files?.find((s) => s.key === f.key)?.file_id ?? job.files?.[i]?.file_id }));
    const changed: Message[] = m ? [{ ...m, id, files, state: m.state === 'waiting' || m.state === 'failed' || m.state === 'unsure' ? (m.channel ? 'queued' : 'sent') : m.state, error: undefined }] : [];
    await this.store.commit(this.store.message.change(changed), this.store.job.change([], [job.key]));
    return changed;
  }

  /** How a message names a file. Relays that know sizes and previews say so in their features. */
  richFiles = false;
  #reference(f: StagedFile): unknown {
    if (!this.richFiles || !(f.width || f.duration_ms || f.preview)) return f.file_id;
    return { file_id: f.file_id, ...(f.width ? { width: f.width, height: f.height } : {}), ...(f.duration_ms ? { duration_ms: f.duration_ms } : {}), ...(f.preview ? { preview: f.preview } : {}) };
  }

  async #tell(job: Job): Promise<void> {
    if (job.op === 'read') {
      await this.api.read(job.body!);
      return this.store.job.del(job.key);
    }
    const m = job.message ? await this.store.message.get(job.message) : undefined;
    if (m?.id) {
      if (job.op === 'edit') {
        const { edited_at } = await this.api.edit(m.id, job.body!);
        const changed = await this.store.update(this.store.message, m.key, (now) => ({ ...now, edited: edited_at }));
        if (changed) await this.events.onMessages([changed]);
      } else await this.api.withdraw(m.id);
    }
    await this.store.job.del(job.key);
  }
}
