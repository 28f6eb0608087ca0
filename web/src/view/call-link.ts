// One WebRTC connection: perfect negotiation, candidates gathered before a description leaves, a channel of data for what the two pages tell each other.
import type { Count } from '../base/call';

export interface Told {
  muted?: boolean;
  camera?: boolean;
  screen?: boolean;
}

export interface LinkEvents {
  onDescription: (type: 'offer' | 'answer', sdp: string) => void;
  onState: (state: 'connected' | 'disconnected') => void;
  onTrack: (track: MediaStreamTrack) => void;
  onTold: (told: Told) => void;
  onBye: () => void;
}

const GATHER_MS = 1500;
/** Without any candidate a description is of no use. */
const GATHER_MOST_MS = 5000;
/** A short break mends itself. */
const AWAY_MS = 2500;

/** Relayed candidates name the address behind them; browsers leave it out, and so does this. */
export const withoutAddresses = (sdp: string): string => sdp.replace(/ raddr \S+ rport \d+/g, ' raddr 0.0.0.0 rport 9');

export class Link {
  readonly pc: RTCPeerConnection;
  #talk: RTCDataChannel | null = null;
  #isOffering = false;
  /** The first exchange is over, or this side begins it. */
  #mayOffer: boolean;
  /** The browser says so once only. */
  #wantsOffer = false;
  #told: Told = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #queue: Promise<void> = Promise.resolve();
  #sound: MediaStreamTrack | null = null;
  #picture: MediaStreamTrack | null = null;

  /** `polite`: gives way where both offer at once. */
  constructor(
    config: RTCConfiguration,
    readonly polite: boolean,
    readonly isCaller: boolean,
    readonly events: LinkEvents,
  ) {
    this.pc = new RTCPeerConnection({ ...config, bundlePolicy: 'max-bundle' });
    this.#mayOffer = isCaller;
    this.pc.ontrack = (e) => events.onTrack(e.track);
    this.pc.onnegotiationneeded = () => (this.#mayOffer ? void this.#offer().catch(() => undefined) : void (this.#wantsOffer = true));
    this.pc.onconnectionstatechange = () => this.#state();
  }

  #state(): void {
    const s = this.pc.connectionState;
    clearTimeout(this.#timer);
    if (s === 'connected') this.events.onState('connected');
    else if (s === 'failed') this.events.onState('disconnected');
    else if (s === 'disconnected') this.#timer = setTimeout(() => this.events.onState('disconnected'), AWAY_MS);
  }

  /** Opens the way for sound and pictures, so that a camera needs no new exchange later. */
  begin(): void {
    this.#open();
    for (const kind of ['audio', 'video']) this.pc.addTransceiver(kind, { direction: 'sendrecv' });
    this.#put();
  }

  #open(): void {
    this.#talk = this.pc.createDataChannel('webchat', { negotiated: true, id: 0 });
    this.#talk.onopen = () => this.tell({});
    this.#talk.onmessage = (e) => {
      try {
        const m = JSON.parse(String(e.data)) as { bye?: boolean } & Told;
        if (m.bye) this.events.onBye();
        else this.events.onTold({ muted: m.muted === true, camera: m.camera === true, screen: m.screen === true });
      } catch {
        /* not of ours */
      }
    };
  }

  /** What goes out: null for silence and for no picture. */
  send(sound: MediaStreamTrack | null, picture: MediaStreamTrack | null): void {
    this.#sound = sound;
    this.#picture = picture;
    this.#put();
  }

  #put(): void {
    const transceivers = this.pc.getTransceivers();
    for (const [kind, track] of [['audio', this.#sound], ['video', this.#picture]] as const) {
      const t = transceivers.find((x) => x.receiver.track.kind === kind && x.direction !== 'stopped');
      if (t) {
        if (t.direction !== 'sendrecv') t.direction = 'sendrecv';
        void t.sender.replaceTrack(track).catch(() => undefined);
      } else if (track && this.#mayOffer && this.pc.localDescription) this.pc.addTransceiver(track, { direction: 'sendrecv' });
    }
  }

  tell(change: Told): void {
    this.#told = { ...this.#told, ...change };
    if (this.#talk?.readyState === 'open') this.#talk.send(JSON.stringify(this.#told));
  }

  #gathered(): Promise<void> {
    return new Promise((done) => {
      const { pc } = this;
      if (pc.iceGatheringState === 'complete') return done();
      const since = performance.now();
      const timer = setInterval(() => {
        const ms = performance.now() - since;
        if (pc.signalingState !== 'closed' && pc.iceGatheringState !== 'complete' && (ms < GATHER_MS || (ms < GATHER_MOST_MS && !/a=candidate/.test(pc.localDescription?.sdp ?? '')))) return;
        clearInterval(timer);
        done();
      }, 50);
      pc.addEventListener('icegatheringstatechange', () => {
        if (pc.iceGatheringState !== 'complete') return;
        clearInterval(timer);
        done();
      });
    });
  }

  async #tellDescription(type: 'offer' | 'answer'): Promise<void> {
    await this.#gathered();
    const d = this.pc.localDescription;
    if (this.pc.signalingState !== 'closed' && d?.type === type) this.events.onDescription(type, withoutAddresses(d.sdp));
  }

  async #offer(): Promise<void> {
    this.#isOffering = true;
    try {
      await this.pc.setLocalDescription();
      await this.#tellDescription('offer');
    } finally {
      this.#isOffering = false;
    }
  }

  /** The other side's descriptions, one after the other. */
  hear(type: 'offer' | 'answer', sdp: string): Promise<void> {
    this.#queue = this.#queue.then(() => this.#hear(type, sdp));
    const heard = this.#queue;
    this.#queue = heard.catch(() => undefined);
    return heard;
  }

  async #hear(type: 'offer' | 'answer', sdp: string): Promise<void> {
    const { pc } = this;
    if (pc.signalingState === 'closed') return;
    if (type === 'answer') {
      if (pc.signalingState === 'have-local-offer') await pc.setRemoteDescription({ type, sdp });
      return;
    }
    if ((this.#isOffering || pc.signalingState !== 'stable') && !this.polite) return;
    await pc.setRemoteDescription({ type, sdp });
    // other clients have no such channel
    if (!this.#talk && /^m=application /m.test(sdp)) this.#open();
    this.#put();
    await pc.setLocalDescription();
    await this.#tellDescription('answer');
    if (!this.#mayOffer) {
      this.#mayOffer = true;
      this.#put();
      if (this.#wantsOffer && pc.signalingState === 'stable') void this.#offer().catch(() => undefined);
    }
  }

  /** New ways to each other, with new credentials where there are some. */
  restart(servers?: RTCIceServer[]): void {
    if (this.pc.signalingState === 'closed') return;
    if (servers) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: servers });
    if (this.#isOffering) return;
    // an offer that nobody answered went down with the connection
    if (this.pc.signalingState === 'have-local-offer') void this.pc.setLocalDescription({ type: 'rollback' }).then(() => this.pc.restartIce(), () => undefined);
    else this.pc.restartIce();
  }

  async count(): Promise<Count> {
    const c: Count = { received: 0, lost: 0, rttMs: 0 };
    for (const s of (await this.pc.getStats()).values() as Iterable<Record<string, number | string | boolean>>) {
      if (s['type'] === 'inbound-rtp') {
        c.received += Number(s['packetsReceived'] ?? 0);
        c.lost += Math.max(0, Number(s['packetsLost'] ?? 0));
      } else if (s['type'] === 'candidate-pair' && s['nominated'] && s['currentRoundTripTime'] !== undefined) c.rttMs = Math.max(c.rttMs, Number(s['currentRoundTripTime']) * 1000);
    }
    return c;
  }

  /** `bye`: the other side need not wait for the relay to tell it. */
  close(bye: boolean): void {
    clearTimeout(this.#timer);
    if (bye && this.#talk?.readyState === 'open') this.#talk.send('{"bye":true}');
    this.pc.onconnectionstatechange = this.pc.onnegotiationneeded = this.pc.ontrack = null;
    if (this.#talk) this.#talk.onmessage = null;
    // what was said last is to leave before the line is cut
    if (bye) setTimeout(() => this.pc.close(), 200);
    else this.pc.close();
  }
}
