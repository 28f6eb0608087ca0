// What the relay hands out becomes messages and heads of chats. Applying the same twice changes nothing.
import type { Attachment, Chat, ChatKind, Message, State } from '../base/model';
import { chatKeyOf, partsOf, plainAddress } from '../base/model';
import type { Change as WireChange, Group, Item, Receipt } from '../wire/api';
import type { Store } from '../store/store';

export interface Applied {
  messages: Message[];
  chats: Chat[];
  /** New ones from others, for notifications. */
  fresh: Message[];
  /** Groups that something happened in: ask for them again. */
  groups: string[];
  /** Own messages to groups that moved on: ask who has them. */
  ask?: string[];
  /** What clients say to each other for a call: never shown as text. */
  calls?: Item[];
}

const EARLY_MOST = 1000;
const order: State[] = ['waiting', 'queued', 'claimed', 'sent', 'delivered', 'read'];

/** What a status of the relay is to us: within the relay a message is sent once it is queued, to the outside once a phone has sent it. */
const stateOf = (status: string, isOutside: boolean): State => (!isOutside && /^(queued|claimed)$/.test(status) ? 'sent' : (status as State));

/** A state never moves backward; failed and expired end the line. */
export function later(now: State, next: State): State {
  if (next === 'failed' || next === 'expired') return next;
  return order.indexOf(next) > order.indexOf(now) || now === 'unsure' || now === 'failed' ? next : now;
}

export function chatOfItem(item: Item, me: string, mine: boolean): string {
  if (item.group_id) return item.group_id;
  if (item.channel !== 'pchat') return chatKeyOf.outside(item.channel, item.phone_id ?? '', plainAddress(item.channel, mine ? item.to : item.from));
  if (item.from === 'relay' && item.kind === 'system') return 'relay';
  if (mine) return item.to === me ? 'self' : chatKeyOf.person(item.to);
  return chatKeyOf.person(item.from);
}

const isQuiet = (m: Message): boolean => (m.kind === 'call' && !m.text.startsWith('missed')) || (m.kind === 'system' && !!m.event && m.event.type !== 'requested' && m.event.type !== 'approved' && m.event.type !== 'rejected' && m.event.type !== 'invited');

export class Inbox {
  readonly #early = new Map<string, WireChange>();
  readonly chats = new Map<string, Chat>();

  constructor(
    readonly store: Store,
    readonly me: string,
  ) {}

  async load(): Promise<void> {
    this.chats.clear();
    for (const c of await this.store.chat.all()) this.chats.set(c.key, c);
  }

  /** The head of a chat, made when it is not there. */
  chat(key: string, title = ''): Chat {
    const known = this.chats.get(key);
    if (known) return known;
    const { kind, address } = partsOf(key);
    return { key, kind, title: title || address, lastAt: 0, unread: 0, readTo: 0 };
  }

  #files(item: Item, old: Message | undefined): Attachment[] | undefined {
    if (item.deleted_at) return undefined;
    if (!item.attachments) return old?.files;
    return item.attachments.map((a, i) => {
      const had = old?.files?.find((f) => f.file_id === a.file_id) ?? (old?.files?.[i]?.file_id ? undefined : old?.files?.[i]);
      return {
        file_id: a.file_id, key: had?.key ?? a.file_id, name: a.name, mime: a.mime, size: a.size, at: had?.at ?? 'away',
        width: a.width ?? had?.width, height: a.height ?? had?.height, duration_ms: a.duration_ms ?? had?.duration_ms, preview: a.preview ?? had?.preview,
      };
    });
  }

  /** What a phone brings goes into the chat of that phone, else into one that was begun for any phone. */
  #chatOf(item: Item, mine: boolean): string {
    const key = chatOfItem(item, this.me, mine);
    if (!item.phone_id || item.channel === 'pchat' || this.chats.has(key)) return key;
    const any = chatOfItem({ ...item, phone_id: undefined }, this.me, mine);
    return this.chats.has(any) ? any : key;
  }

  #message(item: Item, old: Message | undefined): Message {
    const mine = item.own === true || (item.from === this.me && item.kind !== 'system');
    const isCleared = !!item.scrubbed_at && !item.text && !item.deleted_at;
    return {
      key: old?.key ?? item.message_id,
      id: item.message_id,
      chat: old?.chat ?? this.#chatOf(item, mine),
      at: old?.at ?? item.created_at,
      from: item.from,
      name: item.from_name || item.from,
      mine,
      kind: item.kind,
      text: item.deleted_at ? '' : isCleared && old ? old.text : item.text,
      state: mine ? later(old?.state ?? 'waiting', stateOf(item.status ?? 'queued', item.channel !== 'pchat')) : 'in',
      channel: item.channel === 'pchat' ? undefined : item.channel,
      phone: item.phone_id,
      subject: item.subject ?? old?.subject,
      title: item.title ?? old?.title,
      reply: item.reply_to ?? old?.reply,
      lang: item.lang ?? old?.lang,
      files: this.#files(item, old),
      duration: item.duration_ms ?? old?.duration,
      waveform: item.waveform ?? old?.waveform,
      transcript: item.deleted_at ? undefined : old?.transcript,
      event: item.event,
      actions: item.actions,
      decided: old?.decided,
      edited: item.edited_at ?? old?.edited,
      withdrawn: item.deleted_at,
      scrubbed: isCleared && (!old || old.scrubbed) ? item.scrubbed_at : undefined,
      deliveredAt: old?.deliveredAt,
      readAt: old?.readAt,
      reactions: old?.reactions,
      readBy: old?.readBy,
    };
  }

  /** The chat after a message of it changed or came. */
  #head(m: Message, isNew: boolean): Chat {
    const known = this.chat(m.chat);
    const chat: Chat = { ...known };
    if (m.at >= chat.lastAt || chat.last?.key === m.key) {
      if (m.at >= chat.lastAt) chat.lastAt = m.at;
      chat.last = { text: m.text.slice(0, 200) || m.subject || m.title || '', kind: m.withdrawn ? 'withdrawn' : m.scrubbed ? 'scrubbed' : m.kind, mine: m.mine, name: m.name, state: m.state, key: m.key, files: m.files?.length, event: m.event };
    }
    if (chat.kind === 'person' && !m.mine && m.name) chat.title = m.name;
    if (!m.mine && m.phone) chat.phone = m.phone;
    if (isNew && !m.mine && !m.withdrawn && !isQuiet(m) && m.at > chat.readTo) {
      chat.unread++;
      if (chat.archived && !chat.muted) chat.archived = false;
    }
    if (isNew && m.mine && m.at > chat.readTo && m.state !== 'waiting') chat.readTo = Math.max(chat.readTo, 0);
    return chat;
  }

  async #react(item: Item): Promise<Message | null> {
    const target = item.reply_to ? await this.store.message.bySecond(item.reply_to) : undefined;
    if (!target) return null;
    const reactions = { ...target.reactions };
    if (item.text && !item.deleted_at) reactions[item.from] = item.text;
    else delete reactions[item.from];
    return { ...target, reactions };
  }

  /** Stores what came; `cursor` with it in one write where it may be confirmed already. */
  async apply(items: Item[]): Promise<Applied> {
    const messages = new Map<string, Message>();
    const chats = new Map<string, Chat>();
    const fresh: Message[] = [];
    const groups = new Set<string>();
    const byId = new Map<string, Message>();
    const calls: Item[] = [];
    const stale: string[] = []; // their words are others now: translations of them go
    for (const item of items) {
      if (item.kind === 'call') {
        calls.push(item);
        continue;
      }
      if (item.kind === 'reaction') {
        const changed = await this.#react(item);
        if (changed) messages.set(changed.key, changed);
        continue;
      }
      const old = byId.get(item.message_id) ?? (item.idempotency_key ? await this.store.message.get(item.idempotency_key) : undefined) ?? (await this.store.message.bySecond(item.message_id));
      const m = this.#message(item, old);
      messages.set(m.key, m);
      byId.set(item.message_id, m);
      if (old && (old.text !== m.text || m.withdrawn || m.scrubbed)) stale.push(m.key);
      const head = this.#head(m, !old);
      chats.set(head.key, head);
      this.chats.set(head.key, head);
      if (!old && !m.mine && !m.withdrawn && !m.scrubbed) fresh.push(m);
      if (item.group_id && (item.event || !head.role)) groups.add(item.group_id);
    }
    await this.store.commit(this.store.message.change([...messages.values()]), this.store.chat.change([...chats.values()]), this.store.translation.change([], stale));
    return { messages: [...messages.values()], chats: [...chats.values()], fresh, groups: [...groups], calls };
  }

  /** A message that was written here, with its chat's head, not stored yet. */
  ownHead(m: Message, isNews = false): Chat {
    const head = this.#head(m, isNews);
    if (m.at > head.lastAt) head.lastAt = m.at;
    this.chats.set(head.key, head);
    return head;
  }

  /** Receipts of own messages: those that changed. */
  async receipts(list: Receipt[]): Promise<Applied> {
    const changed: Message[] = [];
    for (const r of list) {
      const m = await this.store.message.bySecond(r.message_id);
      if (!m || !m.mine) continue;
      const state = later(m.state, stateOf(r.status, !!m.channel));
      const others = r.recipients?.filter((x) => x.chat_address !== this.me);
      const readBy: [number, number] | undefined = others?.length ? [others.filter((x) => x.status === 'read').length, others.length] : m.readBy;
      if (state === m.state && (r.error ?? m.error) === m.error && readBy?.[0] === m.readBy?.[0] && readBy?.[1] === m.readBy?.[1]) continue;
      changed.push({ ...m, state, readBy, deliveredAt: r.delivered_at ?? m.deliveredAt, readAt: r.read_at ?? m.readAt, error: r.error ?? m.error });
    }
    return this.#storeStates(changed);
  }

  /** News of states that a poll carries. What comes before the answer that gave the message its id waits for it. */
  async changes(list: WireChange[]): Promise<Applied> {
    const changed: Message[] = [];
    const chats = new Map<string, Chat>();
    const ask: string[] = [];
    for (const c of list) {
      const m = await this.store.message.bySecond(c.message_id);
      if (!m) {
        if (this.#early.size < EARLY_MOST) this.#early.set(c.message_id, c);
        continue;
      }
      if (m.mine) {
        // who has it, or why it failed, only receipts tell
        if (m.chat.startsWith('grp_') || c.status === 'failed') ask.push(c.message_id);
        const state = later(m.state, stateOf(c.status, !!m.channel));
        if (state !== m.state) changed.push({ ...m, state, ...(c.status === 'read' ? { readAt: c.at } : c.status === 'delivered' ? { deliveredAt: c.at } : {}) });
      } else if (c.status === 'read') {
        const chat = chats.get(m.chat) ?? this.chat(m.chat);
        if (m.at > chat.readTo) chats.set(m.chat, { ...chat, readTo: m.at });
      }
    }
    const applied = await this.#storeStates(changed);
    for (const chat of chats.values()) applied.chats.push(await this.readUpTo(chat.key, chat.readTo));
    return { ...applied, ask };
  }

  /** A message got its id: what was told of it before. */
  async sent(id: string): Promise<Applied | null> {
    const c = this.#early.get(id);
    return c && this.#early.delete(id) ? this.changes([c]) : null;
  }

  async #storeStates(changed: Message[]): Promise<Applied> {
    const chats = new Map<string, Chat>();
    for (const m of changed) {
      const chat = chats.get(m.chat) ?? this.chat(m.chat);
      if (chat.last?.key !== m.key) continue;
      const next = { ...chat, last: { ...chat.last, state: m.state } };
      chats.set(m.chat, next);
      this.chats.set(m.chat, next);
    }
    await this.store.commit(this.store.message.change(changed), this.store.chat.change([...chats.values()]));
    return { messages: changed, chats: [...chats.values()], fresh: [], groups: [] };
  }

  /** Counts what is unread after a place anew. */
  async readUpTo(key: string, at: number): Promise<Chat> {
    const after = await this.store.message.page(key, { t: at + 1, k: '' }, 500, true);
    const unread = after.filter((m) => !m.mine && !m.withdrawn && !isQuiet(m)).length;
    const chat = this.chat(key); // as it is now: somebody may have changed it meanwhile
    const next = { ...chat, readTo: Math.max(chat.readTo, at), unread };
    this.chats.set(key, next);
    await this.store.chat.put(next);
    return next;
  }

  async changeChat(key: string, change: Partial<Chat>): Promise<Chat> {
    const next = { ...this.chat(key), ...change };
    this.chats.set(key, next);
    await this.store.chat.put(next);
    return next;
  }

  /** What the relay says of a group. `null`: it is not there for us any more. */
  async group(id: string, g: Group | null): Promise<Chat> {
    if (!g) return this.changeChat(id, { role: '', invited: false });
    const kind: ChatKind = g.mode === 'stream' ? 'stream' : 'group';
    const old = this.chat(id);
    return this.changeChat(id, { kind, title: g.name, role: g.role ?? '', invited: g.role ? false : this.chat(id).invited, mode: g.mode, members: g.member_count, description: g.description, visibility: g.visibility, joinPolicy: g.join_policy, lastAt: old.lastAt || g.created_at });
  }
}
