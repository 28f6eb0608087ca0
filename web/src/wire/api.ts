// The calls of the relay by name. Shapes come from docs/openapi.yaml; what newer relays add stands here as optional.
import type { components } from './types.gen';
import { Relay, requestIdOf, troubleOf, type CallOptions } from './client';

type S = components['schemas'];
export type User = S['User'];
export type SessionInfo = S['Session'];
export type Group = S['Group'] & { my_request?: string };
export type Member = S['Member'];
export type JoinRequest = S['JoinRequest'];
export type DirectoryUser = S['DirectoryUser'];
export type InviteLink = S['InviteLink'];
export type KeyInfo = S['Key'];
export type PhoneInfo = S['Phone'];
export type Contact = S['Contact'];
export type Receipt = S['Receipt'];
export type Role = S['GroupRole'];

export interface ItemFile {
  file_id: string;
  url: string;
  name: string;
  mime: string;
  size: number;
  width?: number;
  height?: number;
  duration_ms?: number;
  preview?: string;
}

/** A message as the relay hands it out; fields of newer relays are optional. */
export type Item = Omit<S['Item'], 'kind' | 'attachments'> & {
  kind: string;
  attachments?: ItemFile[];
  own?: boolean;
  idempotency_key?: string;
  lang?: string;
  phone_id?: string;
  status?: string;
};

export interface Change {
  message_id: string;
  status: string;
  at?: number;
  chat_address?: string;
}

export interface Polled {
  messages: Item[];
  cursor: string;
  has_more: boolean;
  poll_interval_ms: number;
  typing?: { from: string; to: string }[];
  changes?: Change[];
  /** Which of the user's own records changed. */
  records?: string[];
}

export interface Config {
  name: string;
  version: string;
  features: Record<string, boolean | undefined>;
  limits: { max_upload_bytes: number; upload_quota_bytes: number; max_text_bytes: number; poll_interval_ms: number; [more: string]: number };
  translation?: { languages: string[]; pairs?: [string, string][]; engine?: string; name?: string };
  transcription?: { engine?: string; name?: string };
  push?: { key: string };
  retention?: { mode: string; device_grace_sec: number; file_hold_sec: number };
}

export const seg = encodeURIComponent;
export const web = '/api/v1/webchat';
const auth = '/api/v1/pchat/auth';
export const query = (q: Record<string, string | number | undefined>): string => {
  const p = new URLSearchParams();
  for (const [k, v] of Object.entries(q)) if (v !== undefined && v !== '') p.set(k, String(v));
  const s = p.toString();
  return s ? '?' + s : '';
};

export class Api {
  constructor(readonly relay: Relay) {}

  #get<T>(path: string, o?: CallOptions): Promise<T> {
    return this.relay.call<T>('GET', path, undefined, o);
  }
  #post<T>(path: string, body?: object | string, o?: CallOptions): Promise<T> {
    return this.relay.call<T>('POST', path, body, o);
  }
  #call<T>(method: string, path: string, body?: object | string, o?: CallOptions): Promise<T> {
    return this.relay.call<T>(method, path, body, o);
  }

  health = (o?: CallOptions) => this.#get<{ version: string; time: number }>('/health', o);
  config = (o?: CallOptions) => this.#get<Config>(`${web}/config`, o);

  requestCode = (email: string, invite = '') =>
    this.#post<{ status: string; expires_in?: number; dev_code?: string }>(`${auth}/request-code`, { email, ...(invite ? { invite } : {}), purpose: 'login' });
  verifyCode = (body: Record<string, unknown>) => this.#post<{ session_token: string; expires_at: number; user: User; session: SessionInfo }>(`${auth}/verify-code`, body);
  me = () => this.#get<{ user: User; session: SessionInfo }>(`${auth}/me`);
  changeMe = (body: Record<string, unknown>) => this.#call<{ user: User }>('PUT', `${auth}/me`, body);
  erase = () => this.#call('DELETE', `${auth}/me`);
  logout = () => this.#post(`${auth}/logout`);
  logoutAll = () => this.#post<{ revoked: number }>(`${auth}/logout-all`);
  sessions = () => this.#get<{ sessions: SessionInfo[] }>(`${auth}/sessions`);
  revoke = (id: string) => this.#call('DELETE', `${auth}/sessions/${seg(id)}`);
  exportPage = (after?: string) => this.#get<{ has_more: boolean; after?: string; messages: unknown[] }>(`${auth}/export${query({ after })}`, { timeoutMs: 60_000 });

  presence = (body: Record<string, unknown>, o?: CallOptions) => this.#post<{ online: boolean }>(`${web}/presence`, body, o);
  directory = (q: { q?: string; after?: string; limit?: number }) => this.#get<{ users: DirectoryUser[]; groups: Group[]; has_more: boolean; after?: string }>(`${web}/directory${query(q)}`);
  user = (address: string) => this.#get<{ chat_address: string; display_name: string; online: boolean }>(`${web}/users/${seg(address)}`);

  poll = (body: Record<string, unknown>, o?: CallOptions) => this.#post<Polled>(`${web}/poll`, body, o);
  send = (bytes: string) => this.#post<{ message_id: string; status: string; duplicate?: boolean }>('/api/v1/messages', bytes, { timeoutMs: 30_000 });
  message = (id: string) => this.#get<{ message: Item }>(`/api/v1/messages/${seg(id)}`);
  edit = (id: string, bytes: string) => this.#call<{ edited_at: number }>('PATCH', `/api/v1/messages/${seg(id)}`, bytes);
  withdraw = (id: string) => this.#call<{ status: string }>('DELETE', `/api/v1/messages/${seg(id)}`);
  read = (bytes: string) => this.#post(`${web}/read`, bytes);
  receipts = (message_ids: string[]) => this.#post<{ receipts: Receipt[] }>(`${web}/receipt-status`, { message_ids });
  typing = (to: string, typing: boolean) => this.#post(`${web}/typing`, { to, typing });

  groups = (after?: string) => this.#get<{ groups: Group[]; has_more: boolean; after?: string }>(`${web}/groups${query({ after, limit: 200 })}`);
  group = (id: string) => this.#get<{ group: Group }>(`${web}/groups/${seg(id)}`);
  newGroup = (body: Record<string, unknown>) => this.#post<{ group: Group }>(`${web}/groups`, body);
  changeGroup = (id: string, body: Record<string, unknown>) => this.#call<{ group: Group }>('PATCH', `${web}/groups/${seg(id)}`, body);
  deleteGroup = (id: string) => this.#call('DELETE', `${web}/groups/${seg(id)}`);
  join = (id: string, body?: Record<string, unknown>) => this.#post<{ status: string; request_id?: string }>(`${web}/groups/${seg(id)}/join`, body);
  takeBackJoin = (id: string) => this.#call('DELETE', `${web}/groups/${seg(id)}/join`);
  leave = (id: string) => this.#post<{ status: string }>(`${web}/groups/${seg(id)}/leave`);
  joinRequests = (id: string) => this.#get<{ requests: JoinRequest[] }>(`${web}/groups/${seg(id)}/requests`);
  decideJoin = (id: string, request: string, yes: boolean) => this.#post<{ status: string }>(`${web}/groups/${seg(id)}/requests/${seg(request)}/${yes ? 'approve' : 'reject'}`);
  members = (id: string, after?: string) => this.#get<{ members: Member[]; has_more: boolean; after?: string }>(`${web}/groups/${seg(id)}/members${query({ after, limit: 200 })}`);
  addMember = (id: string, chat_address: string) => this.#post<{ status: string }>(`${web}/groups/${seg(id)}/members`, { chat_address });
  setRole = (id: string, address: string, role: Role) => this.#call('PATCH', `${web}/groups/${seg(id)}/members/${seg(address)}`, { role });
  removeMember = (id: string, address: string) => this.#call('DELETE', `${web}/groups/${seg(id)}/members/${seg(address)}`);
  invites = () => this.#get<{ invites: { invite_id: string; group: Group }[] }>(`${web}/invites`);
  /** An address on the relay that plays a file without a header, by ranges, for a quarter of an hour. */
  fileLink = (id: string) => this.#post<{ url: string; expires_at: number }>(`${fileUrl(id)}/link`).then((r) => this.relay.base + r.url);
  /** Invite links into a group, or (null) past the allow-list of the relay. */
  inviteLinks = (group: string | null, after?: string) => this.#get<{ invites: InviteLink[]; has_more: boolean; after?: string }>(`${linksOf(group)}${query({ after })}`);
  newInviteLink = (group: string | null, body: { uses: number; days: number }) => this.#post<{ invite: InviteLink; token: string }>(linksOf(group), body);
  revokeInviteLink = (group: string | null, id: string) => this.#call('DELETE', `${linksOf(group)}/${seg(id)}`);
  /** A button of the relay's own messages; the caller has checked the path. */
  act = (path: string) => this.#post<{ status: string }>(path);

  blocks = (after?: string) => this.#get<{ blocks: S['BlockEntry'][]; outside?: S['OutsideBlock'][]; has_more: boolean; after?: string }>(`${web}/blocks${query({ after, limit: 200 })}`);
  block = (who: { chat_address: string } | { channel: string; address: string }) => this.#post(`${web}/blocks`, who);
  unblock = (who: string[]) => this.#call('DELETE', [`${web}/blocks`, ...who.map(seg)].join('/'));

  async contacts(etag?: string): Promise<{ contacts: Contact[]; etag: string } | null> {
    const r = await this.relay.fetch('GET', `${web}/contacts`, undefined, { headers: etag ? { 'If-None-Match': etag } : {} });
    if (r.status === 304) return null;
    const json = (await r.json().catch(() => null)) as { contacts?: Contact[]; error?: string } | null;
    // anything but a list must not be taken for an empty one: it would be stored over the real one
    if (!r.ok || !json?.contacts) throw troubleOf(r.ok ? 502 : r.status, json, r.headers.get('Retry-After'), requestIdOf(r));
    return { contacts: json.contacts, etag: r.headers.get('ETag') ?? '' };
  }
  putContacts = (contacts: Contact[], etag?: string) => this.#call<{ count: number }>('PUT', `${web}/contacts`, { contacts }, { headers: etag ? { 'If-Match': etag } : {}, timeoutMs: 60_000 });

  /** What clients of the account keep for each other; the relay does not understand it. */
  async prefs(): Promise<{ prefs: string; etag: string }> {
    const r = await this.relay.fetch('GET', `${web}/prefs`, undefined);
    const json = (await r.json().catch(() => null)) as { success?: boolean; error?: string; prefs?: string } | null;
    if (!r.ok || json?.success !== true) throw troubleOf(r.status, json, r.headers.get('Retry-After'), requestIdOf(r));
    return { prefs: json.prefs ?? '', etag: r.headers.get('ETag') ?? '' };
  }
  putPrefs = (prefs: string, etag?: string) => this.#call<object>('PUT', `${web}/prefs`, { prefs }, { headers: etag ? { 'If-Match': etag } : {} });

  keys = () => this.#get<{ keys: KeyInfo[] }>(`${web}/keys`);
  newKey = (body: Record<string, unknown>) => this.#post<{ token: string; key: KeyInfo }>(`${web}/keys`, body);
  rotateKey = (id: string) => this.#post<{ token: string; key: KeyInfo }>(`${web}/keys/${seg(id)}/rotate`);
  revokeKey = (id: string) => this.#call('DELETE', `${web}/keys/${seg(id)}`);
  phones = () => this.#get<{ phones: PhoneInfo[] }>(`${web}/phones`);

  translate = (texts: string[], target: string, source?: string) =>
    this.#post<{ target: string; translations: { text?: string; source?: string; unchanged?: boolean; error?: string }[] }>(`${web}/translate`, { texts, target, ...(source ? { source } : {}) }, { timeoutMs: 65_000 });
  transcribe = (file_id: string, language?: string) => this.#post<{ text: string; language?: string }>(`${web}/transcribe`, { file_id, ...(language ? { language } : {}) }, { timeoutMs: 90_000 });
  removeFile = (id: string) => this.#call('DELETE', fileUrl(id));
  /** Where the session's device is told of news while it is closed. */
  putPush = (endpoint: string) => this.#call('PUT', `${web}/push`, { endpoint });
  removePush = () => this.#call('DELETE', `${web}/push`);
  ice = () => this.#get<{ ice_servers: { urls: string[]; username?: string; credential?: string }[]; relay_only: boolean }>(`${web}/calls/ice`);
}

const linksOf = (group: string | null): string => (group ? `${web}/groups/${seg(group)}/invites` : `${web}/admin/invites`);

export const fileUrl = (id: string): string => `${web}/files/${seg(id)}`;
export const uploadUrl = (name: string, key: string): string => `${web}/upload${query({ name, key })}`;
