// Pushes of this browser: its push service gives an address, the relay is told it, and what comes there is empty.
import { isTrouble } from '../base/trouble';
import type { Engine } from '../core/engine';
import { language, t } from '../i18n';

export const canPush = (): boolean => isSecureContext && 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;

/** Whether the relay sends any. */
export const hasPush = (e: Engine): boolean => e.can('web_push') && !!e.config?.push?.key;

/** Where the service worker finds what it says, in the language of the page. */
const words = 'push-words';

function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(key.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
}

const same = (a: ArrayBuffer | null | undefined, b: Uint8Array): boolean => !!a && new Uint8Array(a).join() === b.join();

async function keepWords(): Promise<void> {
  const cache = await caches.open(words);
  await cache.put('words', new Response(JSON.stringify({ body: t('push.news'), lang: language.peek() })));
}

/** The address of this browser for the relay's key; one that is for another key is replaced. */
async function subscribe(e: Engine): Promise<string> {
  const key = bytesOf(e.config!.push!.key);
  const { pushManager } = await navigator.serviceWorker.ready;
  const old = await pushManager.getSubscription();
  if (old && same(old.options.applicationServerKey, key)) return old.endpoint;
  await old?.unsubscribe();
  return (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })).endpoint;
}

async function tell(e: Engine, endpoint: string): Promise<void> {
  await e.api.putPush(endpoint);
  await keepWords();
  await e.saveSettings({ push: endpoint });
}

/** From a press. false: the browser asked, and was told no. */
export async function startPush(e: Engine): Promise<boolean> {
  if ((await Notification.requestPermission()) !== 'granted') return false;
  await tell(e, await subscribe(e));
  return true;
}

/** The relay forgets the address; the browser keeps its subscription where others of its sessions may have it. */
export async function stopPush(e: Engine): Promise<void> {
  await e.saveSettings({ push: undefined });
  await e.api.removePush();
}

/** At the start, and when the browser got another address: the relay is told what holds now. */
export async function keepPush(e: Engine): Promise<void> {
  if (!e.settings.push || !canPush() || !hasPush(e)) return;
  try {
    const endpoint = Notification.permission === 'granted' ? await subscribe(e) : '';
    if (!endpoint) await stopPush(e);
    else if (endpoint !== e.settings.push) await tell(e, endpoint);
    else await keepWords();
  } catch (err) {
    if (!isTrouble(err)) await stopPush(e).catch(() => undefined); // the browser gives none any more
  }
}
