// The call of this tab: the machine of base/call.ts, and what it has done by devices, connection and relay.
import { computed, signal } from '@preact/signals';
import { idle, isBusy, isPoor, RING_MS, step, type Call, type Count, type Devices, type Effect, type Happening, type Medium, type Signal, type Stuck, type Timer } from '../base/call';
import { newId } from '../base/ids';
import { chatKeyOf } from '../base/model';
import { plainName } from '../base/text';
import { busName, ringing, sendSignal, settle, type Heard } from '../core/calls';
import type { Engine } from '../core/engine';
import { t } from '../i18n';
import { chats, go, isSecure } from '../state/app';
import { toast } from '../ui/toast';
import { Link, type Told } from './call-link';
import { canCall, closeAll, closeDevice, mine, muted, openDevices, setMuted, shareScreen, type Wished } from './call-media';
import { ringStop, ringTone } from './call-ring';
import { sentence } from './trouble';

export const call = signal<Call>(idle);
/** The call has the whole window; else a bar above the chats. */
export const isFull = signal(false);
/** What the other side sends. */
export const heardTrack = signal<MediaStreamTrack | null>(null);
export const seenTrack = signal<MediaStreamTrack | null>(null);
/** Empty where its client tells nothing. */
export const told = signal<Told>({});
const flows = signal(false);
/** Whether pictures come in: as the other page tells it, else as the track has it. */
export const isSeen = computed(() => !!seenTrack.value && (told.value.camera === undefined ? flows.value : told.value.camera || told.value.screen === true));
/** Why the relay did not take a call. */
export const refusal = signal('');
/** A sentence of something that went wrong with a device while the call goes on. */
export const hint = signal('');
export const isLive = computed(() => isBusy(call.value));

const COUNT_MS = 3000;
const REACH_MS = 1500;
/** While there is no connection it is tried this often. */
const RESTART_MS = 7000;
/** The polite side leaves the first try to the other one. */
const POLITE_MS = 4000;

let engine: Engine | null = null;
let link: Link | null = null;
let before: Count | null = null;
let counter = 0;
let reach = 0;
let restarted = 0;
let release: (() => void) | null = null;
const timers = new Map<Timer, number>();

const lockName = (sid: string): string => `webchat:call:${sid}`;

/** Whether another tab holds a call: one of this session, or of another one in this browser. */
async function heldElsewhere(): Promise<'no' | 'session' | 'other'> {
  if (release || !navigator.locks) return 'no';
  const names = ((await navigator.locks.query()).held ?? []).map((l) => l.name ?? '');
  if (engine && names.includes(lockName(engine.session.sid))) return 'session';
  return names.some((n) => n.startsWith(lockName(''))) ? 'other' : 'no';
}

async function hold(): Promise<boolean> {
  if (release || !navigator.locks || !engine) return true;
  if ((await heldElsewhere()) !== 'no') return false;
  const name = lockName(engine.session.sid);
  return new Promise((done) => {
    void navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      done(!!lock);
      return lock ? new Promise<void>((free) => (release = free)) : undefined;
    });
  });
}

function letGo(): void {
  release?.();
  release = null;
}

const wished = (): Wished => ({ mic: engine?.settings.mic, camera: engine?.settings.camera });

export const nameOf = (address: string): string => plainName(chats.value?.nameOf(address) ?? address);

// -- connection ----------------------------------------------------------------------------------

async function servers(): Promise<RTCConfiguration | Stuck> {
  try {
    const ice = await engine!.api.ice();
    const isRelay = ice.relay_only || engine!.settings.callsHidden === true;
    if (isRelay && !ice.ice_servers.some((s) => s.urls.some((u) => u.startsWith('turn')))) return 'noRelay';
    return { iceServers: ice.ice_servers, iceTransportPolicy: isRelay ? 'relay' : 'all' };
  } catch {
    return 'offline';
  }
}

function say(c: Call, signal_: Signal, keepalive = false): Promise<string> {
  return sendSignal(engine!, c.peer, signal_, { keepalive });
}

async function connect(c: Call): Promise<Link | null> {
  const config = await servers();
  if (call.peek().id !== c.id) return null;
  if (typeof config === 'string') {
    dispatch({ e: 'stuck', why: config });
    return null;
  }
  closeLink(false);
  const made: Link = new Link(config, engine!.me > c.peer, c.mine, {
    onDescription: (type, sdp) => void describe(made, type, sdp),
    onState: (state) => link === made && dispatch({ e: state }),
    onTrack: (track) => {
      if (link !== made) return;
      if (track.kind === 'audio') heardTrack.value = track;
      else {
        seenTrack.value = track;
        flows.value = !track.muted;
        track.onmute = track.onunmute = () => void (flows.value = !track.muted);
      }
    },
    onTold: (x) => void (link === made && (told.value = x)),
    onBye: () => link === made && dispatch({ e: 'signal', signal: { call_id: c.id, type: 'hangup', by: c.mine ? call.peek().by : undefined }, peer: c.peer, own: false, age: 0 }),
  });
  link = made;
  outgoing();
  return made;
}

/** The first offer and answer of a call, or later ones of the same. */
async function describe(from: Link, type: 'offer' | 'answer', sdp: string): Promise<void> {
  const c = call.peek();
  if (link !== from || !isBusy(c)) return;
  try {
    const id = await say(c, { call_id: c.id, type, sdp, media: c.media, by: c.mine ? undefined : c.by });
    if (type === 'offer' && call.peek().phase === 'calling') watchReach(id);
  } catch (err) {
    const now = call.peek();
    if (now.id !== c.id || now.phase === 'open') return;
    refusal.value = sentence(err);
    dispatch({ e: 'refused' });
  }
}

/** Until it rings there: which the relay knows once a device has fetched the offer. */
function watchReach(id: string): void {
  clearInterval(reach);
  reach = setInterval(() => {
    void engine?.api.receipts([id]).then(({ receipts }) => {
      if (!/claimed|delivered|read/.test(receipts[0]?.status ?? '')) return;
      clearInterval(reach);
      dispatch({ e: 'reached' });
    }, () => undefined);
  }, REACH_MS) as unknown as number;
}

function closeLink(bye: boolean): void {
  clearInterval(counter);
  clearInterval(reach);
  link?.close(bye);
  link = before = null;
  heardTrack.value = seenTrack.value = null;
  told.value = {};
}

async function restart(): Promise<void> {
  const from = link;
  restarted = Date.now();
  const config = await servers();
  const go_ = (): void => {
    if (link === from && (call.peek().link === 'away' || call.peek().phase === 'connecting')) from?.restart(typeof config === 'string' ? undefined : config.iceServers);
  };
  if (from?.polite) setTimeout(go_, POLITE_MS);
  else go_();
}

function startCount(): void {
  clearInterval(counter);
  before = null;
  counter = setInterval(() => {
    const from = link;
    if (call.peek().link === 'away' && Date.now() - restarted > RESTART_MS) dispatch({ e: 'disconnected' });
    void from?.count().then((now) => {
      if (link !== from) return;
      if (before) dispatch({ e: 'quality', poor: isPoor(before, now) });
      before = now;
    });
  }, COUNT_MS) as unknown as number;
}

/** What one's devices give now goes out, and the other side is told. */
function outgoing(): void {
  const m = mine.peek();
  link?.send(m.mic, m.screen ?? m.camera);
  link?.tell({ muted: muted.peek() || !m.mic, camera: !!m.camera, screen: !!m.screen });
}
mine.subscribe(outgoing);
muted.subscribe(outgoing);

// -- the machine -----------------------------------------------------------------------------------

async function openMedia(c: Call, devices: Devices): Promise<void> {
  if (!isSecure || !canCall()) return dispatch({ e: 'stuck', why: 'insecure' });
  // their call may have taken the place of ours meanwhile: it is the same two people
  const isGone = (): boolean => !isBusy(call.peek()) || call.peek().peer !== c.peer;
  const mayHold = await hold();
  if (isGone()) return isBusy(call.peek()) ? undefined : letGo();
  if (!mayHold) {
    toast(t('call.other'));
    return dispatch({ e: 'hangup' });
  }
  const why = await openDevices(devices, wished());
  if (isGone()) return;
  if (why) dispatch({ e: 'stuck', why });
  else if (why === null) dispatch({ e: 'ready' });
}

async function effect(x: Effect): Promise<void> {
  const c = call.peek();
  switch (x.do) {
    case 'media':
      return openMedia(c, x.devices);
    case 'offer':
      (await connect(c))?.begin();
      return;
    case 'answer': {
      const made = await connect(c);
      await made?.hear('offer', x.sdp);
      return;
    }
    case 'accept':
      return link?.hear('answer', x.sdp);
    case 'negotiate':
      return link?.hear(x.type, x.sdp);
    case 'send':
      await sendSignal(engine!, x.to, x.signal);
      return;
    case 'timer': {
      clearTimeout(timers.get(x.name));
      timers.delete(x.name);
      if (x.ms > 0) timers.set(x.name, setTimeout(() => dispatch({ e: 'timeout', name: x.name }), x.ms) as unknown as number);
      return;
    }
    case 'restart':
      return restart();
    case 'drop':
      return closeLink(false);
    case 'close':
      closeLink(true);
      closeAll();
      letGo();
      return;
  }
}

/** Signs and sounds of where the call is now. */
function changed(was: Call, now: Call): void {
  if (was.phase === now.phase && was.id === now.id) return;
  if (now.phase === 'ringing') {
    hint.value = refusal.value = '';
    ringTone('in', now, engine!);
  } else if (now.phase === 'calling') ringTone('out', now, engine!);
  else ringStop();
  if (now.phase === 'asking' || now.phase === 'answering' || (now.phase === 'connecting' && was.phase === 'calling')) isFull.value = true;
  if (now.phase === 'open') startCount();
  if (now.phase === 'idle') isFull.value = false;
}

export function dispatch(h: Happening): void {
  if (!engine) return;
  const was = call.peek();
  const [now, effects] = step(was, h, Date.now());
  call.value = now;
  for (const x of effects) {
    void effect(x).catch(() => {
      // a description that this browser does not take
      if (x.do === 'answer' || x.do === 'accept' || x.do === 'offer') dispatch({ e: 'stuck', why: 'offline' });
    });
  }
  changed(was, now);
}

// -- what views do -----------------------------------------------------------------------------------

export function startCall(peer: string, media: Medium): void {
  const c = call.peek();
  if (isBusy(c)) {
    if (c.peer === peer) isFull.value = true;
    else toast(t('call.inOne'));
    return;
  }
  hint.value = refusal.value = '';
  dispatch({ e: 'call', id: newId(), peer, media });
}

export const answerCall = (devices: Devices): void => dispatch({ e: 'answer', devices, by: newId() });
export const hangUp = (): void => dispatch({ e: 'hangup' });

export async function switchCamera(): Promise<void> {
  hint.value = '';
  if (mine.peek().camera) return closeDevice('camera');
  const why = await openDevices('video', wished());
  if (why) hint.value = t(`call.stuck.${why}`);
}

export async function switchScreen(): Promise<void> {
  if (mine.peek().screen) closeDevice('screen');
  else await shareScreen();
}

export async function switchMute(): Promise<void> {
  hint.value = '';
  if (mine.peek().mic) return setMuted(!muted.peek());
  setMuted(false);
  const why = await openDevices('audio', wished());
  if (why) hint.value = t(`call.stuck.${why}`);
}

/** To the chat with the other one, with the call as a bar above it. */
export function toChat(): void {
  const c = call.peek();
  isFull.value = false;
  if (c.phase === 'ended') dispatch({ e: 'dismiss' });
  go({ chat: chatKeyOf.person(c.peer) });
}

// -- what comes ----------------------------------------------------------------------------------------

let heard: Promise<void> = Promise.resolve();

/** One after the other: whoever hangs up does so after they called. */
const hear = (e: Engine, list: Heard[]): Promise<void> => (heard = heard.then(() => take(e, list)).catch(() => undefined));

async function take(e: Engine, list: Heard[]): Promise<void> {
  for (const h of list) {
    const c = call.peek();
    const isMine = c.id === h.signal.call_id || isBusy(c);
    if (!isMine && h.signal.type === 'offer') {
      // only the leading tab rings, and only where no other tab has a call
      if (h.own || !e.leader.isLeader || e.now() - h.at >= RING_MS) continue;
      const held = await heldElsewhere();
      if (held === 'other') void sendSignal(e, h.peer, { call_id: h.signal.call_id, type: 'busy' }).catch(() => undefined);
      if (held !== 'no') continue;
    } else if (!isMine) continue;
    if (isBusy(c) && h.signal.type === 'offer' && !h.own && c.peer !== h.peer && h.signal.call_id !== c.id) toast(t('call.missedWhile', { name: plainName(h.name) }));
    dispatch({ e: 'signal', signal: h.signal, peer: h.peer, own: h.own, age: Math.max(0, e.now() - h.at) });
  }
}

/** The page goes: the other side is told by a request that outlives it. */
function leave(): void {
  const c = call.peek();
  if (c.phase === 'ringing' || c.phase === 'idle' || c.phase === 'ended') return;
  closeLink(true);
  closeAll();
  if (c.phase !== 'asking' && engine) void say(c, { call_id: c.id, type: 'hangup', by: c.mine ? undefined : c.by }, true).catch(() => undefined);
  letGo();
  silence();
}

/** Hears of calls of a session until what comes back is called. */
export function attend(e: Engine): () => void {
  engine = e;
  const bus = new BroadcastChannel(busName(e));
  bus.onmessage = (m: MessageEvent<Heard[]>) => void hear(e, m.data);
  const again = (): void => {
    if (!e.leader.isLeader) return;
    void ringing(e).then((o) => (o && call.peek().phase === 'idle' ? hear(e, [o]) : undefined)).catch(() => undefined);
    void settle(e).catch(() => undefined);
  };
  const off = e.on('leads', (leads) => {
    if (leads) again();
    // another tab is looked at now: it rings there
    else if (call.peek().phase === 'ringing') silence();
  });
  window.addEventListener('pagehide', leave);
  again();
  return () => {
    off();
    bus.close();
    window.removeEventListener('pagehide', leave);
    leave();
    silence();
    engine = null;
  };
}

function silence(): void {
  for (const timer of timers.values()) clearTimeout(timer);
  timers.clear();
  call.value = idle;
  isFull.value = false;
  ringStop();
}
