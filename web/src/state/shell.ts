// The service worker, and news of a newer version of the page.
import { engine, go, isSecure, newVersion } from './app';

interface Policy {
  createScriptURL(url: string): unknown;
}

const path = new URL('sw.js', location.href).pathname;

/** The one policy of the page: it lets through exactly our worker, and XML for a document that runs nothing. */
export const policy = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: object): Policy & { createHTML(s: string): unknown } } }).trustedTypes?.createPolicy('webchat', {
  createScriptURL: (url: string) => {
    if (url !== path) throw new TypeError('only the worker of this page');
    return url;
  },
  createHTML: (xml: string) => {
    if (!/^\s*<\?xml\b/.test(xml)) throw new TypeError('only XML');
    return xml;
  },
});

export async function startShell(): Promise<void> {
  if (!isSecure || !navigator.serviceWorker) return;
  navigator.serviceWorker.addEventListener('message', (e: MessageEvent<{ t?: string; chat?: string }>) => {
    const now = engine.peek();
    if (e.data?.t === 'open' && e.data.chat) go({ chat: e.data.chat });
    else if (e.data?.t === 'push' && now) void import('./push').then((x) => x.keepPush(now));
  });
  const url = policy ? policy.createScriptURL(path) : path;
  const registration = await navigator.serviceWorker.register(url as string, { scope: './' }).catch(() => null);
  if (!registration) return;
  const isUpdate = !!navigator.serviceWorker.controller;
  const look = (worker: ServiceWorker | null): void => {
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed' && isUpdate) {
        newVersion.value = true;
        worker.postMessage('skip');
      }
    });
  };
  look(registration.installing);
  registration.addEventListener('updatefound', () => look(registration.installing));
  setInterval(() => void registration.update().catch(() => undefined), 3_600_000);
}
