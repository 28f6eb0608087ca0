// A call between two people as a machine: a state, what happens, the next state and what is to be done. Pure, so that every way through it has a test.

export type Medium = 'audio' | 'video';
export type SignalType = 'offer' | 'answer' | 'hangup' | 'busy' | 'taken';

/** What two clients say to each other before they are connected: the text of a message of kind `call`. */
export interface Signal {
  call_id: string;
  type: SignalType;
  sdp?: string;
  media?: Medium;
  /** Which device of the callee says it; in `taken`: which one got the call, or `glare` where another call took the place of this one. */
  by?: string;
  /** A hangup because no connection came about. */
  failed?: boolean;
}

/** How long it rings, and how old an offer may be to ring at all. */
export const RING_MS = 45_000;
export const CONNECT_MS = 30_000;
export const LOST_MS = 30_000;
/** How long the end of a call stays on the screen where there is nothing to decide. */
export const SHOW_END_MS = 4000;
export const GLARE = 'glare';

const MOST_SDP = 60_000;

/** null: not a signal of ours. */
export function parseSignal(text: string): Signal | null {
  let s: Partial<Signal> | null;
  try {
    s = JSON.parse(text) as Partial<Signal> | null;
  } catch {
    return null;
  }
  if (!s || typeof s !== 'object' || typeof s.call_id !== 'string' || !/^[\w-]{1,64}$/.test(s.call_id)) return null;
  if (!/^(offer|answer|hangup|busy|taken)$/.test(String(s.type))) return null;
  const sdp = typeof s.sdp === 'string' && s.sdp.length <= MOST_SDP ? s.sdp : undefined;
  if ((s.type === 'offer' || s.type === 'answer') && !sdp) return null;
  return { call_id: s.call_id, type: s.type as SignalType, sdp, media: s.media === 'video' ? 'video' : 'audio', by: typeof s.by === 'string' ? s.by.slice(0, 64) : undefined, ...(s.failed === true ? { failed: true } : {}) };
}

export type Phase = 'idle' | 'asking' | 'calling' | 'ringing' | 'answering' | 'connecting' | 'open' | 'ended';
export type End = 'hungup' | 'declined' | 'busy' | 'unanswered' | 'unreached' | 'missed' | 'elsewhere' | 'failed' | 'lost' | 'refused';
/** Why there are no devices, or no way to call. */
export type Stuck = 'denied' | 'deniedCam' | 'noMic' | 'noCam' | 'inUse' | 'insecure' | 'noRelay' | 'offline';
export type Devices = Medium | 'none';

export interface Call {
  phase: Phase;
  id: string;
  peer: string;
  mine: boolean;
  /** What the caller wants. */
  media: Medium;
  /** What is asked of one's own devices. */
  devices: Devices;
  /** The other side's offer, until it is answered. */
  sdp?: string;
  /** The device of the callee that has the call: ours, where we answered. */
  by?: string;
  /** A device of the other side has it: it rings there. */
  reached: boolean;
  /** Since when both hear each other; Unix milliseconds. */
  since: number;
  link: 'good' | 'poor' | 'away';
  stuck?: Stuck;
  end?: End;
  /** How long it was. */
  ms?: number;
}

export const idle: Call = { phase: 'idle', id: '', peer: '', mine: false, media: 'audio', devices: 'audio', reached: false, since: 0, link: 'good' };

export type Timer = 'ring' | 'connect' | 'lost' | 'shown';

export type Effect =
  | { do: 'media'; devices: Devices }
  | { do: 'offer' }
  | { do: 'answer'; sdp: string }
  | { do: 'accept'; sdp: string }
  | { do: 'negotiate'; type: 'offer' | 'answer'; sdp: string }
  | { do: 'send'; to: string; signal: Signal }
  | { do: 'timer'; name: Timer; ms: number }
  | { do: 'restart' }
  /** Ends the connection; the devices stay open. */
  | { do: 'drop' }
  /** Ends the connection and lets go of the devices. */
  | { do: 'close' };

export type Happening =
  | { e: 'call'; id: string; peer: string; media: Medium }
  | { e: 'answer'; devices: Devices; by: string }
  | { e: 'ready' }
  | { e: 'stuck'; why: Stuck }
  | { e: 'retry'; devices?: Devices }
  | { e: 'refused' }
  | { e: 'hangup' }
  | { e: 'dismiss' }
  | { e: 'signal'; signal: Signal; peer: string; own: boolean; age: number }
  | { e: 'reached' }
  | { e: 'connected' }
  | { e: 'disconnected' }
  | { e: 'quality'; poor: boolean }
  | { e: 'timeout'; name: Timer };

type Step = [Call, Effect[]];

const clear = (...names: Timer[]): Effect[] => names.map((name) => ({ do: 'timer', name, ms: 0 }));
const sends = (c: Call, type: SignalType, more: Partial<Signal> = {}): Effect => ({ do: 'send', to: c.peer, signal: { call_id: c.id, type, ...(c.by && !c.mine ? { by: c.by } : {}), ...more } });

/** Whether a microphone is, or is about to be, open. */
export const isBusy = (c: Call): boolean => c.phase !== 'idle' && c.phase !== 'ended' && c.phase !== 'ringing';

function over(c: Call, end: End, now: number, effects: Effect[] = []): Step {
  const all: Effect[] = [...effects, { do: 'close' }, ...clear('ring', 'connect', 'lost')];
  // what one did oneself, and what another device does, needs no screen
  if (end === 'missed' || end === 'elsewhere') return [idle, all];
  const stays = end === 'failed' || end === 'lost' || end === 'unreached' || end === 'refused' || end === 'unanswered' || end === 'busy';
  return [{ ...c, phase: 'ended', end, sdp: undefined, ms: c.since ? now - c.since : undefined }, [...all, { do: 'timer', name: 'shown', ms: stays ? 0 : SHOW_END_MS }]];
}

const ring = (peer: string, s: Signal, age: number): Step => [
  { ...idle, phase: 'ringing', id: s.call_id, peer, media: s.media ?? 'audio', devices: s.media ?? 'audio', sdp: s.sdp },
  [...clear('shown'), { do: 'timer', name: 'ring', ms: RING_MS - age }],
];

function offered(c: Call, s: Signal, peer: string, age: number): Step {
  if (c.id === s.call_id) return c.phase === 'connecting' || c.phase === 'open' ? [c, [{ do: 'negotiate', type: 'offer', sdp: s.sdp! }]] : [c, []];
  if (age >= RING_MS) return [c, []];
  if (c.phase === 'idle' || c.phase === 'ended') return ring(peer, s, age);
  if (c.peer === peer) {
    const theirs = { ...c, mine: false, id: s.call_id, media: s.media ?? 'audio', sdp: s.sdp };
    if (c.phase === 'ringing') return ring(peer, s, age);
    // both want the same: nobody is asked, the one call takes the place of the other
    if (c.phase === 'asking') return [{ ...theirs, phase: 'answering', by: c.id }, [{ do: 'timer', name: 'ring', ms: RING_MS - age }]];
    if (c.phase === 'calling') {
      if (s.call_id > c.id) return [c, []];
      return [
        { ...theirs, phase: 'connecting', by: c.id, sdp: undefined },
        [{ do: 'drop' }, sends(c, 'taken', { by: GLARE }), { do: 'answer', sdp: s.sdp! }, ...clear('ring'), { do: 'timer', name: 'connect', ms: CONNECT_MS }],
      ];
    }
    // they have come back from a page that was gone before it could say so
    if (c.link === 'away') {
      const [next, effects] = ring(peer, s, age);
      return [next, [sends(c, 'hangup'), { do: 'close' }, ...clear('connect', 'lost'), ...effects]];
    }
  }
  return [c, [{ do: 'send', to: peer, signal: { call_id: s.call_id, type: 'busy' } }]];
}

/** What another device of one's own said: it ends the ringing here. */
function ownSignal(c: Call, s: Signal, now: number): Step {
  if (c.id !== s.call_id || c.phase !== 'ringing' || s.type === 'offer' || s.type === 'taken') return [c, []];
  return over(c, s.type === 'answer' ? 'elsewhere' : 'missed', now);
}

function signalled(c: Call, s: Signal, peer: string, age: number, now: number): Step {
  if (s.type === 'offer') return offered(c, s, peer, age);
  if (c.id !== s.call_id || c.peer !== peer) return [c, []];
  const isTalk = c.phase === 'connecting' || c.phase === 'open';
  switch (s.type) {
    case 'answer':
      if (c.phase === 'calling')
        return [{ ...c, phase: 'connecting', by: s.by }, [{ do: 'accept', sdp: s.sdp! }, sends(c, 'taken', { by: s.by }), ...clear('ring'), { do: 'timer', name: 'connect', ms: CONNECT_MS }]];
      // a second device was too late: `taken` has told it
      return isTalk && (!c.mine || c.by === s.by) ? [c, [{ do: 'negotiate', type: 'answer', sdp: s.sdp! }]] : [c, []];
    case 'busy':
      return c.phase === 'calling' ? over(c, 'busy', now, [sends(c, 'hangup')]) : [c, []];
    case 'taken':
      if (c.mine) return [c, []];
      // our own answer is not under way before we are connecting
      return c.phase === 'ringing' || c.phase === 'answering' || (c.phase === 'connecting' && s.by !== undefined && s.by !== c.by) ? over(c, 'elsewhere', now) : [c, []];
    case 'hangup':
      if (c.phase === 'calling') return over(c, 'declined', now);
      if (c.phase === 'ringing' || c.phase === 'answering') return over(c, 'missed', now);
      // another device of theirs declines what this one has answered
      if (c.mine && c.by && s.by && s.by !== c.by) return [c, []];
      return isTalk ? over(c, s.failed && c.phase === 'connecting' ? 'failed' : 'hungup', now) : [c, []];
  }
}

function timedOut(c: Call, name: Timer, now: number): Step {
  if (name === 'shown') return c.phase === 'ended' ? [idle, []] : [c, []];
  if (name === 'ring') {
    if (c.phase === 'calling') return over(c, c.reached ? 'unanswered' : 'unreached', now, [sends(c, 'hangup')]);
    return c.phase === 'ringing' || c.phase === 'answering' ? over(c, 'missed', now) : [c, []];
  }
  if (name === 'connect' && c.phase === 'connecting') return over(c, 'failed', now, [sends(c, 'hangup', { failed: true })]);
  if (name === 'lost' && c.phase === 'open' && c.link === 'away') return over(c, 'lost', now, [sends(c, 'hangup')]);
  return [c, []];
}

function hangUp(c: Call, now: number): Step {
  if (c.phase === 'ringing') return [idle, [sends(c, 'hangup'), { do: 'close' }, ...clear('ring')]];
  if (c.phase === 'asking') return [idle, [{ do: 'close' }]];
  if (c.phase === 'answering') return [idle, [sends(c, 'hangup'), { do: 'close' }, ...clear('ring')]];
  return isBusy(c) ? over(c, 'hungup', now, [sends(c, 'hangup')]) : [idle, clear('shown')];
}

/** `now`: Unix milliseconds. */
export function step(c: Call, h: Happening, now: number): Step {
  switch (h.e) {
    case 'call':
      if (c.phase === 'ringing' && c.peer === h.peer) return step(c, { e: 'answer', devices: h.media, by: h.id }, now);
      if (isBusy(c) || c.phase === 'ringing') return [c, []];
      return [{ ...idle, phase: 'asking', id: h.id, peer: h.peer, mine: true, media: h.media, devices: h.media }, [...clear('shown'), { do: 'media', devices: h.media }]];
    case 'answer':
      return c.phase === 'ringing' ? [{ ...c, phase: 'answering', devices: h.devices, by: h.by }, [{ do: 'media', devices: h.devices }]] : [c, []];
    case 'ready':
      if (c.phase === 'asking') return [{ ...c, phase: 'calling', stuck: undefined }, [{ do: 'offer' }, { do: 'timer', name: 'ring', ms: RING_MS }]];
      if (c.phase === 'answering') return [{ ...c, phase: 'connecting', stuck: undefined, sdp: undefined }, [{ do: 'answer', sdp: c.sdp! }, ...clear('ring'), { do: 'timer', name: 'connect', ms: CONNECT_MS }]];
      return [c, isBusy(c) ? [] : [{ do: 'close' }]];
    case 'stuck':
      if (c.phase === 'asking' || c.phase === 'answering') return [{ ...c, stuck: h.why }, []];
      // before the offer has left there is nobody to tell
      if (c.phase === 'calling') return over({ ...c, stuck: h.why }, 'failed', now);
      return c.phase === 'connecting' ? over({ ...c, stuck: h.why }, 'failed', now, [sends(c, 'hangup', { failed: true })]) : [c, []];
    case 'retry': {
      const devices = h.devices ?? c.devices;
      return c.stuck ? [{ ...c, devices, stuck: undefined }, [{ do: 'media', devices }]] : [c, []];
    }
    case 'refused':
      return isBusy(c) ? over(c, 'refused', now) : [c, []];
    case 'hangup':
      return hangUp(c, now);
    case 'dismiss':
      return c.phase === 'ended' ? [idle, clear('shown')] : [c, []];
    case 'signal':
      return h.own ? ownSignal(c, h.signal, now) : signalled(c, h.signal, h.peer, h.age, now);
    case 'reached':
      return c.phase === 'calling' ? [{ ...c, reached: true }, []] : [c, []];
    case 'connected':
      if (c.phase === 'connecting') return [{ ...c, phase: 'open', since: now, link: 'good' }, clear('connect')];
      return c.phase === 'open' && c.link === 'away' ? [{ ...c, link: 'good' }, clear('lost')] : [c, []];
    case 'disconnected':
      if (c.phase === 'connecting') return [c, [{ do: 'restart' }]];
      if (c.phase !== 'open') return [c, []];
      return c.link === 'away' ? [c, [{ do: 'restart' }]] : [{ ...c, link: 'away' }, [{ do: 'timer', name: 'lost', ms: LOST_MS }, { do: 'restart' }]];
    case 'quality':
      return c.phase === 'open' && c.link !== 'away' && (c.link === 'poor') !== h.poor ? [{ ...c, link: h.poor ? 'poor' : 'good' }, []] : [c, []];
    case 'timeout':
      return timedOut(c, h.name, now);
  }
}

// -- how it goes down in the chat ---------------------------------------------------------------

/** What a line of a chat says of a call. The first four are of calls that came in. */
export type Outcome = 'ringing' | 'missed' | 'declined' | 'elsewhere' | 'in' | 'calling' | 'unanswered' | 'busy' | 'refused' | 'cancelled' | 'failed' | 'out';

export interface Line {
  outcome: Outcome;
  media: Medium;
  mine: boolean;
  at: number;
  /** When somebody answered. */
  answered?: number;
  ms?: number;
}

const isOpen = (o: Outcome): boolean => o === 'ringing' || o === 'calling';

/** A line after a signal: `own` is what one's own side sent, `here` from this device. null: there is none. */
export function lineAfter(line: Line | null, s: Signal, own: boolean, at: number, here = true): Line | null {
  if (s.type === 'offer') return line ?? { outcome: own ? 'calling' : 'ringing', media: s.media ?? 'audio', mine: own, at };
  if (!line) return null;
  const { outcome } = line;
  if (s.type === 'answer') {
    // who answers is not who called; a machine that slept may have counted the call as missed
    const answers = own !== line.mine && (isOpen(outcome) || outcome === 'missed' || outcome === 'unanswered');
    return answers ? { ...line, outcome: line.mine ? 'out' : here ? 'in' : 'elsewhere', answered: at } : line;
  }
  if (s.type === 'taken') return s.by === GLARE && isOpen(outcome) ? null : outcome === 'ringing' && !own ? { ...line, outcome: 'elsewhere' } : line;
  if (s.type === 'busy') return !isOpen(outcome) || own === line.mine ? line : { ...line, outcome: own ? 'missed' : 'busy' };
  if (s.failed && (isOpen(outcome) || line.answered !== undefined)) return { ...line, outcome: 'failed', answered: undefined };
  if (outcome === 'ringing') return { ...line, outcome: own ? 'declined' : 'missed' };
  if (outcome === 'calling') return { ...line, outcome: !own ? 'refused' : at - line.at >= RING_MS - 1000 ? 'unanswered' : 'cancelled' };
  return line.answered !== undefined && line.ms === undefined ? { ...line, ms: Math.max(0, at - line.answered) } : line;
}

/** A line that nobody brought to an end in time. */
export const settled = (line: Line, now: number): Line => (isOpen(line.outcome) && now - line.at >= RING_MS ? { ...line, outcome: line.mine ? 'unanswered' : 'missed' } : line);

// -- how good the connection is -------------------------------------------------------------------

export interface Count {
  received: number;
  lost: number;
  rttMs: number;
}

const POOR_LOSS = 0.08;
const POOR_RTT_MS = 600;

/** Between two counts: packets are lost, or are long under way. That none comes at all the connection itself tells. */
export function isPoor(before: Count, now: Count): boolean {
  const got = now.received - before.received;
  const lost = Math.max(0, now.lost - before.lost);
  return lost > (got + lost) * POOR_LOSS || now.rttMs > POOR_RTT_MS;
}
