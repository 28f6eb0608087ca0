// Microphone, camera and screen of a call. Whatever is opened here is stopped here, on every way out.
import { signal } from '@preact/signals';
import type { Devices, Stuck } from '../base/call';

export interface Wished {
  mic?: string;
  camera?: string;
}

export interface Mine {
  mic: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  screen: MediaStreamTrack | null;
}

export const mine = signal<Mine>({ mic: null, camera: null, screen: null });
/** The microphone is open but says nothing. */
export const muted = signal(false);

const change = (part: Partial<Mine>): void => void (mine.value = { ...mine.peek(), ...part });

export const canCall = (): boolean => typeof RTCPeerConnection !== 'undefined' && !!navigator.mediaDevices?.getUserMedia;
export const canShare = (): boolean => !!(navigator.mediaDevices as Partial<MediaDevices> | undefined)?.getDisplayMedia;
export const canChooseSpeaker = (): boolean => 'setSinkId' in HTMLMediaElement.prototype;

const sound = (id?: string): MediaTrackConstraints => ({ echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(id ? { deviceId: { ideal: id } } : {}) });
const picture = (id?: string): MediaTrackConstraints => ({ width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 }, ...(id ? { deviceId: { ideal: id } } : { facingMode: 'user' }) });

/** Why there is no device, as somebody can act on it. */
export function whyNot(e: unknown, isCamera: boolean): Stuck {
  const name = (e as DOMException).name;
  if (name === 'NotAllowedError' || name === 'SecurityError') return isCamera ? 'deniedCam' : 'denied';
  if (name === 'NotReadableError' || name === 'AbortError') return 'inUse';
  return isCamera ? 'noCam' : 'noMic';
}

async function one(kind: 'mic' | 'camera', wished: Wished): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia(kind === 'mic' ? { audio: sound(wished.mic) } : { video: picture(wished.camera) });
  const track = stream.getTracks()[0]!;
  track.addEventListener('ended', () => {
    // unplugged, or taken away by the browser
    if (mine.peek()[kind] === track) change({ [kind]: null });
  });
  return track;
}

let asked = 0;

/** Opens what a call wants; what is open stays open. The reason when it cannot, '' when a newer wish or the end came in between. */
export async function openDevices(devices: Devices, wished: Wished): Promise<Stuck | '' | null> {
  if (!canCall()) return 'insecure';
  const turn = ++asked;
  for (const kind of ['mic', 'camera'] as const) {
    if ((kind === 'camera' && devices !== 'video') || devices === 'none' || mine.peek()[kind]) continue;
    try {
      const track = await one(kind, wished);
      if (turn !== asked) {
        track.stop();
        return '';
      }
      change({ [kind]: track });
      if (kind === 'mic') track.enabled = !muted.peek();
    } catch (e) {
      return turn === asked ? whyNot(e, kind === 'camera') : '';
    }
  }
  return null;
}

export function setMuted(is: boolean): void {
  muted.value = is;
  const { mic } = mine.peek();
  if (mic) mic.enabled = !is;
}

/** Another microphone or camera; the old one is stopped. */
export async function changeDevice(kind: 'mic' | 'camera', wished: Wished): Promise<void> {
  const turn = asked;
  if (kind === 'camera') closeDevice('camera'); // some cameras open only once
  const track = await one(kind, wished);
  if (turn !== asked) return track.stop();
  mine.peek()[kind]?.stop();
  if (kind === 'mic') track.enabled = !muted.peek();
  change({ [kind]: track });
}

export function closeDevice(kind: keyof Mine): void {
  mine.peek()[kind]?.stop();
  change({ [kind]: null });
}

/** false: one thought better of it. */
export async function shareScreen(): Promise<boolean> {
  const turn = asked;
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
  } catch {
    return false;
  }
  const track = stream.getVideoTracks()[0];
  if (!track || turn !== asked) {
    for (const t of stream.getTracks()) t.stop();
    return false;
  }
  track.contentHint = 'detail';
  // the browser's own bar ends it as well
  track.addEventListener('ended', () => mine.peek().screen === track && change({ screen: null }));
  change({ screen: track });
  return true;
}

export function closeAll(): void {
  asked++;
  for (const track of Object.values(mine.peek())) (track as MediaStreamTrack | null)?.stop();
  mine.value = { mic: null, camera: null, screen: null };
  muted.value = false;
}

export async function listDevices(): Promise<MediaDeviceInfo[]> {
  return (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.deviceId);
}
