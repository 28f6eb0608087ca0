// Signals of calls: what comes is put down in the chat and passed on to all tabs; what goes is sent at once or not at all, never by the outbox.
import { lineAfter, parseSignal, RING_MS, settled, type Line, type Medium, type Outcome, type Signal } from '../base/call';
import { newId } from '../base/ids';
import { chatKeyOf, type Message } from '../base/model';
import { asTrouble } from '../base/trouble';
import type { Item } from '../wire/api';
import type { Engine } from './engine';

export interface Heard {
  signal: Signal;
  peer: string;
  /** As the message had it. */
  name: string;
  /** Another device of one's own sent it. */
  own: boolean;
  at: number;
}

/** A call that nobody has answered yet. */
export interface Open extends Heard {
  /** Key of its line. */
  key: string;
}

const openKey = 'calls.open';
const TRIES_MS = [400, 800, 1600, 3000, 5000];
const GRACE_MS = 300;

export const busName = (e: Engine): string => `webchat:calls:${e.session.sid}`;

const keyOf = (peer: string, id: string): string => `call:${peer}:${id}`;

const lineOf = (m: Message): Line => {
  const [outcome, media] = m.text.split('.') as [Outcome, Medium];
  return { outcome, media, mine: m.mine, at: m.at, answered: m.answered, ms: m.duration };
};

/** Writes a line and its chat's head. A missed call is news like any message. */
async function writeLine(e: Engine, key: string, h: Pick<Heard, 'peer' | 'name'>, old: Message | undefined, line: Line): Promise<void> {
  const chat = chatKeyOf.person(h.peer);
  const m: Message = {
    ...(old ?? { key, chat, from: line.mine ? e.me : h.peer, name: line.mine ? e.session.name : h.name, mine: line.mine, kind: 'call', state: line.mine ? 'read' : 'in' }),
    at: line.at, text: `${line.outcome}.${line.media}`, answered: line.answered, duration: line.ms,
  };
  const isNews = line.outcome === 'missed' && old?.text.split('.')[0] !== 'missed';
  await e.store.message.put(m);
  const head = e.inbox.ownHead(m, isNews);
  e.emit('messages', [m]);
  await e.changeChat(chat, head);
  await e.changed([m]);
  if (isNews) e.emit('fresh', [m]);
}

async function record(e: Engine, h: Heard, here: boolean): Promise<void> {
  const key = keyOf(h.peer, h.signal.call_id);
  const old = await e.store.message.get(key);
  // an answer of a call that went on long ago, or a second offer inside of one, is no call of its own
  if (!old && h.signal.type !== 'offer') return;
  const before = old ? lineOf(old) : null;
  const line = lineAfter(before, h.signal, h.own, h.at, here);
  const open = { ...(await e.store.get<Record<string, Open>>(openKey)) };
  if (!line) {
    if (old) await e.forget(old);
  } else if (line !== before) await writeLine(e, key, h, old, line);
  if (line && /^(ringing|calling)$/.test(line.outcome)) {
    if (!(key in open)) open[key] = { ...h, key };
  } else delete open[key];
  await e.store.set(openKey, open);
}

const timers = new WeakMap<Engine, ReturnType<typeof setTimeout>>();

/** Brings calls to an end that nobody else did: their caller may be gone without a word. */
export async function settle(e: Engine): Promise<void> {
  clearTimeout(timers.get(e));
  const next = await e.store.alone(async () => {
    const open = { ...(await e.store.get<Record<string, Open>>(openKey)) };
    for (const o of Object.values(open)) {
      const m = await e.store.message.get(o.key);
      const line = m && lineOf(m);
      const after = line && settled(line, e.now());
      if (m && after !== line) await writeLine(e, o.key, o, m, after!);
      if (!line || after !== line) delete open[o.key];
    }
    await e.store.set(openKey, open);
    return Math.min(...Object.values(open).map((o) => o.at + RING_MS));
  });
  if (Number.isFinite(next)) timers.set(e, setTimeout(() => void settle(e).catch(() => undefined), Math.max(0, next - e.now()) + GRACE_MS));
}

/** The offer that still rings, where this page was not there when it came. */
export async function ringing(e: Engine): Promise<Open | undefined> {
  const open = (await e.store.get<Record<string, Open>>(openKey)) ?? {};
  return Object.values(open).find((o) => !o.own && o.signal.type === 'offer' && e.now() - o.at < RING_MS);
}

/** The leading tab hands over what a poll brought. */
export async function take(e: Engine, items: Item[]): Promise<void> {
  const heard: Heard[] = [];
  for (const item of items) {
    const signal = parseSignal(item.text);
    const own = item.own === true;
    const peer = own ? item.to : item.from;
    if (!signal || item.channel !== 'pchat' || peer === e.me) continue;
    heard.push({ signal, peer, name: item.from_name || item.from, own, at: item.created_at });
  }
  if (!heard.length) return;
  for (const h of heard) await e.store.alone(() => record(e, h, false));
  // this tab's views hear it as those of others do
  const bus = new BroadcastChannel(busName(e));
  bus.postMessage(heard);
  bus.close();
  await settle(e);
}

/** Sends a signal; the message's id. Tries again while it is of use: throws when the relay refuses it or time is over. */
export async function sendSignal(e: Engine, peer: string, signal: Signal, o: { keepalive?: boolean } = {}): Promise<string> {
  // a renegotiation in the middle of a call is no news of the call; its line is there already
  const noted = e.store.alone(() => record(e, { signal, peer, name: e.session.name, own: true, at: e.now() }, true)).then(() => settle(e));
  noted.catch(() => undefined);
  const body = JSON.stringify({ to: peer, kind: 'call', text: JSON.stringify(signal), idempotency_key: newId() });
  for (let i = 0; ; i++) {
    try {
      const answer = await e.api.relay.call<{ message_id: string }>('POST', '/api/v1/messages', body, { keepalive: o.keepalive, timeoutMs: 8000 });
      return answer.message_id;
    } catch (err) {
      const t = asTrouble(err);
      if (t.kind === 'refused' || t.kind === 'signed-out' || o.keepalive || i >= TRIES_MS.length) throw t;
      await new Promise((d) => setTimeout(d, TRIES_MS[i]));
    }
  }
}
