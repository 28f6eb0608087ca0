// A voice note in the making. It lives beside the views, so leaving a chat keeps the take.
import { t } from '../i18n';
import { toast } from '../ui/toast';
import { recorder } from './composing';

let media: MediaRecorder | null = null;
let stream: MediaStream | null = null;
let context: AudioContext | null = null;
let chunks: Blob[] = [];
let meter = 0;
let since = 0;

const SAMPLE_MS = 100;
const POINTS = 64;

/** What readers can play, best first. */
function bestType(): string {
  const isSafari = /^((?!chrome|android).)*safari/i.test(navigator.userAgent);
  const wanted = isSafari ? ['audio/mp4', 'audio/webm;codecs=opus'] : ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];
  return wanted.find((x) => MediaRecorder.isTypeSupported(x)) ?? '';
}

export function canRecord(): boolean {
  return typeof MediaRecorder !== 'undefined' && !!navigator.mediaDevices?.getUserMedia;
}

export async function startRecording(chat: string): Promise<void> {
  if (recorder.peek()) {
    toast(t('voice.other'));
    return;
  }
  if (!canRecord()) {
    toast(t('voice.insecure'), { bad: true });
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
  } catch (e) {
    const isDenied = (e as DOMException).name === 'NotAllowedError';
    toast(isDenied ? t('voice.denied') : t('voice.none'), { bad: true });
    return;
  }
  chunks = [];
  const type = bestType();
  media = new MediaRecorder(stream, { ...(type ? { mimeType: type } : {}), audioBitsPerSecond: 24_000 });
  media.ondataavailable = (e) => e.data.size && chunks.push(e.data);
  media.start(1000);
  since = performance.now();
  recorder.value = { chat, state: 'recording', startedAt: Date.now(), ms: 0, level: 0, peaks: [], isSilent: false };
  listen();
}

function listen(): void {
  context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream!).connect(analyser);
  const data = new Uint8Array(analyser.fftSize);
  meter = setInterval(() => {
    const take = recorder.peek();
    if (!take || take.state !== 'recording') return;
    analyser.getByteTimeDomainData(data);
    let peak = 0;
    for (const v of data) peak = Math.max(peak, Math.abs(v - 128) / 128);
    const now = performance.now();
    const ms = take.ms + (now - since);
    since = now;
    const peaks = [...take.peaks, peak];
    recorder.value = { ...take, ms, level: peak, peaks, isSilent: ms > 1500 && Math.max(...peaks) < 0.01 };
  }, SAMPLE_MS) as unknown as number;
}

export function pauseRecording(): void {
  const take = recorder.peek();
  if (take?.state !== 'recording') return;
  media!.pause();
  recorder.value = { ...take, state: 'paused' };
}

export function resumeRecording(): void {
  const take = recorder.peek();
  if (take?.state !== 'paused') return;
  media!.resume();
  since = performance.now();
  recorder.value = { ...take, state: 'recording' };
}

function release(): void {
  clearInterval(meter);
  for (const track of stream?.getTracks() ?? []) track.stop();
  void context?.close();
  stream = context = media = null;
}

/** Ends the take; it can be heard and sent. */
export function finishRecording(): Promise<void> {
  return new Promise((done) => {
    const take = recorder.peek();
    if (!take || !media || take.state === 'ready') return done();
    const type = media.mimeType;
    media.onstop = () => {
      recorder.value = { ...recorder.peek()!, state: 'ready', blob: new Blob(chunks, { type }) };
      release();
      done();
    };
    media.stop();
  });
}

export function dropRecording(): void {
  if (media && media.state !== 'inactive') media.stop();
  release();
  recorder.value = null;
}

/** 64 numbers from 0 to 100. */
export function waveformOf(peaks: number[]): number[] {
  if (!peaks.length) return [];
  const n = Math.min(POINTS, peaks.length);
  const most = Math.max(...peaks, 0.05);
  return Array.from({ length: n }, (_, i) => {
    const part = peaks.slice(Math.floor((i * peaks.length) / n), Math.max(Math.floor(((i + 1) * peaks.length) / n), Math.floor((i * peaks.length) / n) + 1));
    return Math.round((Math.max(...part) / most) * 100);
  });
}
