// How a call makes itself known: sound, title, notification, a phone that shakes. Nothing is fetched, and a notification says nothing of the caller unless one wishes so.
import { RING_MS, type Call } from '../base/call';
import { chatKeyOf } from '../base/model';
import type { Engine } from '../core/engine';
import { t } from '../i18n';
import { chats } from '../state/app';
import { notify, rings } from './notices';

const EVERY_MS = 3000;

let context: AudioContext | null = null;
let timer = 0;
let tag = '';
let shakes = false;

function tone(hz: number, at: number, ms: number, loud: number): void {
  const o = context!.createOscillator();
  const g = context!.createGain();
  const end = at + ms / 1000;
  o.frequency.value = hz;
  g.gain.setValueAtTime(0.0001, at);
  g.gain.exponentialRampToValueAtTime(loud, at + 0.03);
  g.gain.setValueAtTime(loud, end - 0.06);
  g.gain.exponentialRampToValueAtTime(0.0001, end);
  o.connect(g).connect(context!.destination);
  o.start(at);
  o.stop(end + 0.02);
}

/** Rising notes where somebody calls; the quiet tone of a line where one waits for the other side. */
function turn(which: 'in' | 'out'): void {
  const now = context!.currentTime + 0.05;
  if (which === 'out') return tone(425, now, 900, 0.03);
  for (let k = 0; k < 2; k++) for (const [i, hz] of [523, 659, 784].entries()) tone(hz, now + k * 0.7 + i * 0.16, 240, 0.09);
}

function sounds(which: 'in' | 'out'): void {
  try {
    context = new AudioContext();
    turn(which);
    timer = setInterval(() => context && turn(which), EVERY_MS) as unknown as number;
  } catch {
    /* no sound to be had */
  }
}

export function ringTone(which: 'in' | 'out', c: Call, e: Engine): void {
  ringStop();
  if (which === 'out') return sounds('out');
  const s = e.settings;
  const key = chatKeyOf.person(c.peer);
  const chat = chats.peek()?.chat(key).peek();
  rings.value = true;
  // whoever is not to be disturbed sees the call and hears nothing
  if (s.quietUntil > Date.now() || (chat && chats.peek()!.isMuted(chat))) return;
  if (s.sound) {
    sounds('in');
    shakes = !!navigator.userActivation?.hasBeenActive && !!navigator.vibrate?.(Array.from({ length: Math.floor(RING_MS / EVERY_MS) * 2 }, (_, i) => (i % 2 ? 2400 : 600)));
  }
  if (!s.notify || (document.visibilityState === 'visible' && document.hasFocus())) return;
  tag = `${key}:call`;
  const name = s.notifyText ? chats.peek()?.nameOf(c.peer) : undefined;
  void notify(name ?? 'WebChat', t('call.title'), key, { tag: `webchat:${tag}`, requireInteraction: true });
}

export function ringStop(): void {
  clearInterval(timer);
  void context?.close().catch(() => undefined);
  context = null;
  if (shakes) navigator.vibrate(0);
  shakes = false;
  rings.value = false;
  if (!tag) return;
  const shown = `webchat:${tag}`;
  tag = '';
  void navigator.serviceWorker?.getRegistration().then(async (r) => {
    for (const n of (await r?.getNotifications({ tag: shown })) ?? []) n.close();
  });
}
