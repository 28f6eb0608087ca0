// Pictures, sound, film and other files of a message.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Attachment, Message } from '../base/model';
import { lengthOf, number, sizeOf, t } from '../i18n';
import { chats } from '../state/app';
import { Icon, type IconName } from '../ui/icon';
import { Button, Round } from '../ui/parts';
import { toast } from '../ui/toast';
import { loadHearing } from './hearing';
import { attempt } from './trouble';

export function iconOf(mime: string): IconName {
  if (mime.startsWith('image/')) return 'image';
  if (mime.startsWith('audio/')) return 'file-audio';
  if (mime.startsWith('video/')) return 'file-video';
  if (/zip|tar|gzip|7z|rar/.test(mime)) return 'file-archive';
  return /pdf|text|document|word/.test(mime) ? 'file-text' : 'file';
}

/** An address for bytes of the store, good while the row is shown. */
export function useFile(key: string, isWanted = true): string {
  const url = useSignal('');
  useEffect(() => {
    if (!isWanted) return;
    let made = '';
    let isThere = true;
    void chats.peek()!.engine.store.file.get(key).then((f) => {
      if (f && isThere) url.value = made = URL.createObjectURL(f.blob);
    });
    return () => {
      isThere = false;
      url.value = '';
      if (made) URL.revokeObjectURL(made);
    };
  }, [key, isWanted]);
  return url.value;
}

export async function saveFile(a: Attachment): Promise<void> {
  const f = await chats.peek()!.engine.store.file.get(a.key);
  if (!f) {
    toast(t('file.gone'), { bad: true });
    return;
  }
  const url = URL.createObjectURL(f.blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = a.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function Progress({ a }: { a: Attachment }) {
  const part = chats.value!.progress.value.get(a.key);
  if (part === undefined || part >= 1) return null;
  return <progress max={1} value={part} aria-label={t('file.sending', { name: a.name })} />;
}

function Picture({ m, a }: { m: Message; a: Attachment }) {
  const url = useFile(a.key, a.at === 'here');
  const own = useRef<HTMLButtonElement>(null);
  const w = a.width ?? 4;
  const h = a.height ?? 3;
  useEffect(() => {
    // the size of the place is known before the picture is; no style attribute, so it is set here
    own.current?.style.setProperty('aspect-ratio', `${Math.max(w, h * 0.4)} / ${Math.max(h, w * 0.3)}`);
  }, [w, h]);
  return (
    <button ref={own} type="button" class="photo" data-known={a.width ? '' : undefined} onClick={() => void import('./viewer').then((v) => v.view(m, a.key))} aria-label={t('file.openPicture', { name: a.name })}>
      {url ? <img src={url} alt="" draggable={false} /> : a.preview ? <img src={`data:image/jpeg;base64,${a.preview}`} alt="" class="blurred" /> : <Icon name="image" />}
      {m.state === 'waiting' && <Progress a={a} />}
    </button>
  );
}

const speeds = [1, 1.5, 2];
let playing: HTMLAudioElement | null = null;

/** A voice note or other sound: wave, place, speed. */
function Sound({ m, a }: { m: Message; a: Attachment }) {
  const url = useFile(a.key, a.at === 'here');
  const audio = useRef<HTMLAudioElement>(null);
  const isPlaying = useSignal(false);
  const at = useSignal(0);
  const speed = useSignal(1);
  const length = (m.duration ?? a.duration_ms ?? 0) / 1000;
  const bars = m.waveform?.length ? m.waveform : Array.from({ length: 32 }, (_, i) => 30 + ((i * 37) % 50));
  const part = length ? at.value / length : 0;
  const toggle = (): void => {
    const el = audio.current!;
    if (isPlaying.value) return el.pause();
    if (playing && playing !== el) playing.pause();
    playing = el;
    el.playbackRate = speed.value;
    void el.play().catch(() => toast(t('voice.cannot'), { bad: true }));
  };
  const seek = (to: number): void => {
    if (audio.current && length) audio.current.currentTime = Math.max(0, Math.min(length, to));
  };
  return (
    <div class="voice" dir="ltr">
      <audio ref={audio} src={url || undefined} preload="metadata" onPlay={() => (isPlaying.value = true)} onPause={() => (isPlaying.value = false)} onEnded={() => ((isPlaying.value = false), (at.value = 0))} onTimeUpdate={(e) => (at.value = e.currentTarget.currentTime)} />
      <button type="button" class="play" aria-label={isPlaying.value ? t('pause') : t('play')} disabled={!url} onClick={toggle}>
        <Icon name={isPlaying.value ? 'pause' : 'play'} />
      </button>
      <div
        class="wave-place"
        role="slider"
        tabIndex={0}
        aria-label={t('voice.place')}
        aria-valuemin={0}
        aria-valuemax={Math.round(length)}
        aria-valuenow={Math.round(at.value)}
        aria-valuetext={`${lengthOf(at.value * 1000)} / ${lengthOf(length * 1000)}`}
        onClick={(e) => {
          const r = e.currentTarget.getBoundingClientRect();
          seek(((e.clientX - r.left) / r.width) * length);
        }}
        onKeyDown={(e) => {
          const by = e.key === 'ArrowRight' ? 5 : e.key === 'ArrowLeft' ? -5 : 0;
          if (!by) return;
          e.preventDefault();
          e.stopPropagation();
          seek(at.value + by);
        }}
      >
        <svg class="wave" viewBox={`0 0 ${bars.length * 6} 28`} preserveAspectRatio="none" aria-hidden="true">
          {bars.map((v, i) => {
            const h = 3 + (Math.min(100, Math.max(0, v)) / 100) * 23;
            return <rect key={i} class={i / bars.length < part ? 'on' : ''} x={i * 6} y={14 - h / 2} width="3" height={h} rx="1.5" />;
          })}
        </svg>
      </div>
      <span class="len">
        <span class="grow">{isPlaying.value || at.value ? `${lengthOf(at.value * 1000)} / ${lengthOf(length * 1000)}` : lengthOf(length * 1000)}</span>
        <button
          type="button"
          class="speed"
          aria-label={t('voice.speed', { n: number(speed.value) })}
          onClick={() => {
            speed.value = speeds[(speeds.indexOf(speed.value) + 1) % speeds.length]!;
            if (audio.current) audio.current.playbackRate = speed.value;
          }}
        >
          {number(speed.value)}×
        </button>
      </span>
      {m.state === 'waiting' && <Progress a={a} />}
    </div>
  );
}

const isFilm = (mime: string): boolean => /^video\/(mp4|webm|ogg|quicktime)$/.test(mime);

/** What is too large to be fetched at once: played from the relay, by ranges. */
function Streamed({ a }: { a: Attachment }) {
  const url = useSignal('');
  const start = (): Promise<unknown> => attempt(async () => (url.value = await chats.value!.engine.api.fileLink(a.file_id!)));
  if (!url.value)
    return (
      <Button icon="play" onClick={() => void start()}>
        {t('play')}
      </Button>
    );
  // a link ends after a quarter of an hour: the next press makes another
  const isOver = (): void => void (url.value = '');
  return isFilm(a.mime) ? (
    <video class="film" src={url.value} controls autoPlay playsInline aria-label={a.name} onError={isOver} />
  ) : (
    <audio src={url.value} controls autoPlay aria-label={a.name} onError={isOver} />
  );
}

function Film({ a }: { a: Attachment }) {
  const url = useFile(a.key, a.at === 'here');
  return <video class="film" src={url || undefined} controls preload="metadata" playsInline aria-label={a.name} />;
}

function Other({ m, a }: { m: Message; a: Attachment }) {
  const e = chats.value!.engine;
  const busy = useSignal(false);
  const fetchIt = async (): Promise<void> => {
    busy.value = true;
    if (!(await e.files.fetch(m, a))) toast(t('err.unreachable'), { bad: true });
    busy.value = false;
  };
  return (
    <div class="file">
      <span class="kind">
        <Icon name={iconOf(a.mime)} />
      </span>
      <span class="grow">
        <span class="one block title" dir="auto">
          {a.name}
        </span>
        <span class="sub block">{a.at === 'gone' ? t('file.gone') : a.at === 'here' ? t('file.here', { size: sizeOf(a.size) }) : sizeOf(a.size)}</span>
      </span>
      {a.at === 'here' && <Round icon="download" label={t('file.save', { name: a.name })} onClick={() => void saveFile(a)} />}
      {a.at === 'away' && <Round icon="download" label={t('file.fetch', { name: a.name })} aria-busy={busy.value} onClick={() => void fetchIt()} />}
      {m.state === 'waiting' && <Progress a={a} />}
      {a.at === 'away' && a.file_id && (isFilm(a.mime) || a.mime.startsWith('audio/')) && <Streamed a={a} />}
    </div>
  );
}

export function Media({ m }: { m: Message }) {
  const isVoice = m.kind === 'voice';
  useEffect(() => void (isVoice && loadHearing()), [isVoice]);
  return (
    <>
      {m.files!.map((a) => {
        const isShown = a.at !== 'gone';
        if (isShown && /^image\/(jpeg|png|webp|gif|avif)$/.test(a.mime) && (a.at === 'here' || a.width || a.preview || a.size <= (chats.value!.settings.value.autoFetchMb ?? 20) * 1048576)) return <Picture key={a.key} m={m} a={a} />;
        if (isShown && a.at === 'here' && a.mime.startsWith('audio/')) return <Sound key={a.key} m={m} a={a} />;
        if (m.kind === 'voice' && isShown) return <Sound key={a.key} m={m} a={a} />;
        if (isShown && a.at === 'here' && isFilm(a.mime)) return <Film key={a.key} a={a} />;
        return <Other key={a.key} m={m} a={a} />;
      })}
    </>
  );
}
