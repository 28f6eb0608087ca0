// The panel of a voice note in the making: level, pause, preview, send.
import '../ui/icons-more';
import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { lengthOf, t } from '../i18n';
import { Icon } from '../ui/icon';
import { Round } from '../ui/parts';
import { recorder } from './composing';
import { dropRecording, finishRecording, pauseRecording, resumeRecording, waveformOf } from './recording';

function Preview({ blob }: { blob: Blob }) {
  const url = useSignal('');
  const isPlaying = useSignal(false);
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const u = URL.createObjectURL(blob);
    url.value = u;
    return () => URL.revokeObjectURL(u);
  }, [blob]);
  return (
    <>
      <audio ref={audio} src={url.value || undefined} onPlay={() => (isPlaying.value = true)} onPause={() => (isPlaying.value = false)} onEnded={() => (isPlaying.value = false)} />
      <Round icon={isPlaying.value ? 'pause' : 'play'} label={isPlaying.value ? t('pause') : t('voice.preview')} onClick={() => (isPlaying.value ? audio.current!.pause() : void audio.current!.play())} />
    </>
  );
}

export function VoicePanel({ onDone }: { onDone?: (note: { blob: Blob; ms: number; waveform: number[] }) => Promise<void> }) {
  const take = recorder.value;
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => panel.current?.querySelector<HTMLElement>('.main')?.focus(), []);
  if (!take) return null;
  const send = async (): Promise<void> => {
    await finishRecording();
    const ready = recorder.peek();
    if (!ready?.blob) return;
    recorder.value = null;
    await onDone?.({ blob: ready.blob, ms: Math.max(1, Math.round(ready.ms)), waveform: waveformOf(ready.peaks) });
  };
  const bars = take.peaks.slice(-40);
  return (
    <div
      class="box recording"
      ref={panel}
      role="group"
      aria-label={t('voice.record')}
      onKeyDown={(e) => {
        if (e.key === 'Escape') {
          e.preventDefault();
          e.stopPropagation();
          void finishRecording();
        }
      }}
    >
      <Round icon="trash-2" label={t('voice.drop')} onClick={dropRecording} />
      <span class={`rec-dot ${take.state}`} aria-hidden="true" />
      <span class="rec-time" role="timer">
        {lengthOf(take.ms)}
      </span>
      <span class="grow rec-level" role="meter" aria-label={t('voice.level')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(take.level * 100)}>
        <svg viewBox="0 0 160 28" preserveAspectRatio="none" aria-hidden="true">
          {bars.map((p, i) => {
            const h = 2 + Math.min(1, p * 1.6) * 24;
            return <rect key={i} x={i * 4} y={14 - h / 2} width="2.4" height={h} rx="1.2" />;
          })}
        </svg>
      </span>
      {take.state === 'ready' ? (
        <Preview blob={take.blob!} />
      ) : (
        <>
          <Round icon={take.state === 'paused' ? 'mic' : 'pause'} label={take.state === 'paused' ? t('voice.goOn') : t('pause')} onClick={take.state === 'paused' ? resumeRecording : pauseRecording} />
          <Round icon="square" label={t('voice.stop')} onClick={() => void finishRecording()} />
        </>
      )}
      <Round icon="send" label={t('send')} main onClick={() => void send()} />
      {take.isSilent && (
        <p class="notice" role="status">
          <Icon name="mic-off" small /> {t('voice.silent')}
        </p>
      )}
    </div>
  );
}
