// The shell, so that the page opens without a network. Never anything of the API.
declare const self: ServiceWorkerGlobalScope;
declare const SHELL: string[];
declare const VERSION: string;

interface ServiceWorkerGlobalScope {
  registration: { scope: string; showNotification(title: string, o: object): Promise<void>; pushManager: { subscribe(o: unknown): Promise<unknown> } };
  clients: { matchAll(o: object): Promise<Client[]>; openWindow(url: string): Promise<Client | null>; claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: string, heard: (e: never) => void): void;
}
interface Client {
  url: string;
  visibilityState?: string;
  focus(): Promise<Client>;
  postMessage(m: unknown): void;
}
interface Extendable extends Event {
  waitUntil(p: Promise<unknown>): void;
}
interface FetchHeard extends Extendable {
  request: Request;
  respondWith(r: Promise<Response> | Response): void;
}

const cacheName = `webchat-${VERSION}`;
const page = new URL('chat.html', self.registration.scope).href;

self.addEventListener('install', (e: Extendable) => {
  e.waitUntil(caches.open(cacheName).then((c) => c.addAll(SHELL)));
});

self.addEventListener('activate', (e: Extendable) => {
  // the last version before this one stays, for pages that are open
  e.waitUntil(
    caches.keys().then(async (names) => {
      const old = names.filter((n) => n.startsWith('webchat-') && n !== cacheName);
      await Promise.all(old.slice(0, -1).map((n) => caches.delete(n)));
      await self.clients.claim();
    }),
  );
});

async function fresh(request: Request): Promise<Response> {
  try {
    const r = await fetch(request);
    if (r.ok) void caches.open(cacheName).then((c) => c.put(page, r.clone()));
    return r.ok ? r.clone() : ((await caches.match(page)) ?? r);
  } catch (e) {
    const kept = await caches.match(page);
    if (kept) return kept;
    throw e;
  }
}

async function kept(request: Request): Promise<Response> {
  const hit = await caches.match(request);
  if (hit) return hit;
  const r = await fetch(request);
  if (r.ok) void caches.open(cacheName).then((c) => c.put(request, r.clone()));
  return r.clone();
}

self.addEventListener('fetch', (e: FetchHeard) => {
  const url = new URL(e.request.url);
  if (e.request.method !== 'GET' || !url.href.startsWith(self.registration.scope)) return;
  if (url.pathname.endsWith('/chat.html')) e.respondWith(fresh(e.request));
  else if (/-[A-Z0-9]{8}\.(js|css|json)$/.test(url.pathname) || /\/icon|\.webmanifest$/.test(url.pathname)) e.respondWith(kept(e.request));
});

self.addEventListener('notificationclick', (e: Extendable & { notification: { close(): void; data?: { chat?: string } } }) => {
  e.notification.close();
  const chat = e.notification.data?.chat;
  e.waitUntil(
    self.clients.matchAll({ type: 'window' }).then(async (all) => {
      const open = all.find((c) => c.url.startsWith(self.registration.scope));
      const client = open ? await open.focus() : await self.clients.openWindow(page);
      if (chat) client?.postMessage({ t: 'open', chat });
    }),
  );
});

/** A push says that there is news and nothing else, so this says no more. Whoever looks at a page sees it there. */
async function tellNews(): Promise<void> {
  const open = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (open.some((c) => c.visibilityState === 'visible')) return;
  const kept = await caches.open('push-words').then((c) => c.match('words'));
  const { body = '', lang } = ((await kept?.json().catch(() => null)) ?? {}) as { body?: string; lang?: string };
  await self.registration.showNotification('WebChat', { body, lang, tag: 'webchat:news', icon: 'icon-192.png', badge: 'icon-192.png' });
}

self.addEventListener('push', (e: Extendable) => e.waitUntil(tellNews()));

/** The browser gave another address, or takes one back: the page tells the relay when it is next open, for only it is signed in. */
async function renew(e: { oldSubscription?: { options: unknown } | null; newSubscription?: unknown }): Promise<void> {
  if (!e.newSubscription && e.oldSubscription) await self.registration.pushManager.subscribe(e.oldSubscription.options).catch(() => undefined);
  for (const c of await self.clients.matchAll({ type: 'window', includeUncontrolled: true })) c.postMessage({ t: 'push' });
}

self.addEventListener('pushsubscriptionchange', (e: Extendable & Parameters<typeof renew>[0]) => e.waitUntil(renew(e)));

self.addEventListener('message', (e: Event & { data?: unknown }) => {
  if (e.data === 'skip') void self.skipWaiting();
});

export {};
