// The calls that admins of the relay make, by name: fetched with their screens.
import type { components } from './types.gen';
import { query, seg, web, type SessionInfo } from './api';
import type { Relay } from './client';

type S = components['schemas'];
export type AdminUser = S['AdminUser'];
export type AccessRequest = S['AccessRequest'];
export type AuditEntry = S['AuditEntry'];
export type GroupOverview = S['GroupOverview'];
export type Stats = S['Stats'];
export type Health = S['AdminHealth'];

interface Paged {
  has_more: boolean;
  after?: string;
}
interface Search {
  q?: string | undefined;
  after?: string | undefined;
}

const admin = `${web}/admin`;

export const adminApi = (relay: Relay) => {
  const get = <T>(path: string): Promise<T> => relay.call<T>('GET', admin + path, undefined);
  const post = <T>(path: string, body?: object): Promise<T> => relay.call<T>('POST', admin + path, body);
  const remove = <T>(path: string): Promise<T> => relay.call<T>('DELETE', admin + path, undefined);
  const user = (address: string): string => `/users/${seg(address)}`;
  return {
    users: (q: Search) => get<{ users: AdminUser[] } & Paged>(`/users${query({ ...q })}`),
    act: (address: string, action: string) => post<{ user: AdminUser }>(user(address), { action }),
    removeUser: (address: string) => remove(user(address)),
    sessions: (address: string, after?: string) => get<{ sessions: SessionInfo[] } & Paged>(`${user(address)}/sessions${query({ after })}`),
    endSession: (address: string, id: string) => remove(`${user(address)}/sessions/${seg(id)}`),
    endSessions: (address: string) => remove<{ revoked: number }>(`${user(address)}/sessions`),
    groups: (q: Search) => get<{ groups: GroupOverview[] } & Paged>(`/groups${query({ ...q })}`),
    removeGroup: (id: string) => remove(`/groups/${seg(id)}`),
    requests: () => get<{ requests: AccessRequest[] }>('/access-requests'),
    decide: (id: string, yes: boolean) => post<{ status: string }>(`/access-requests/${seg(id)}/${yes ? 'approve' : 'deny'}`),
    stats: () => get<Stats>('/stats'),
    health: () => get<Health>('/health'),
    audit: (after?: string) => get<{ entries: AuditEntry[] } & Paged>(`/audit${query({ after })}`),
  };
};
