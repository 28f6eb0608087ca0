// Calls as one sees them: buttons in a chat's head, somebody who calls, the call in the whole window or as a bar, lines in the chat.
import '../ui/icons-more';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isBusy, type Call, type Medium, type Outcome } from '../base/call';
import { partsOf, type Chat, type Message } from '../base/model';
import { lengthOf, t, timeOf, fullTime } from '../i18n';
import { chats, go, onePane } from '../state/app';
import { Icon, type IconName } from '../ui/icon';
import { say } from '../ui/live';
import { openMenu } from '../ui/menu';
import { Avatar, Button, Hidden, Round } from '../ui/parts';
import { answerCall, attend, call, dispatch, hangUp, heardTrack, hint, isFull, isLive, isSeen, nameOf, refusal, seenTrack, startCall, switchCamera, switchMute, switchScreen, toChat, told } from './call';
import { CallDevices } from './call-devices';
import { canChooseSpeaker, canShare, mine, muted } from './call-media';
import { callText } from './words';

/** File name of the style, filled in by the build. */
declare const CALL_CSS: string;

export const styled = new Promise<void>((done) => {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = CALL_CSS;
  link.onload = link.onerror = () => done();
  document.head.append(link);
});

// -- in a chat -------------------------------------------------------------------------------------

export function CallButtons({ chat }: { chat: Chat }) {
  const { kind, address } = partsOf(chat.key);
  if (kind !== 'person' || chat.blocked || !chats.value!.config.value?.features['calls']) return null;
  const start = (media: Medium): void => startCall(address, media);
  if (!onePane.value)
    return (
      <>
        <Round icon="phone" label={t('call.audio')} onClick={() => start('audio')} />
        <Round icon="video" label={t('call.video')} onClick={() => start('video')} />
      </>
    );
  return (
    <Round
      icon="phone"
      label={t('call.start')}
      aria-haspopup="menu"
      onClick={(e) =>
        openMenu(e.currentTarget as HTMLElement, t('call.start'), [
          { label: t('call.audio'), icon: 'phone', run: () => start('audio') },
          { label: t('call.video'), icon: 'video', run: () => start('video') },
        ])
      }
    />
  );
}

const lineIcon = (o: Outcome, isVideo: boolean, isMine: boolean): IconName => {
  if (o === 'missed' || o === 'unanswered') return 'phone-missed';
  if (o === 'declined' || o === 'refused' || o === 'busy' || o === 'failed' || o === 'cancelled') return 'phone-off';
  return isVideo ? 'video' : isMine ? 'phone-outgoing' : 'phone-incoming';
};

export function CallLine({ m }: { m: Message }) {
  const [outcome, media] = m.text.split('.') as [Outcome, Medium];
  const c = chats.value!;
  const isOver = outcome !== 'ringing' && outcome !== 'calling';
  const canCall = isOver && !isLive.value && c.config.value?.features['calls'] && !c.chat(m.chat).value.blocked;
  const onMenu = (e: MouseEvent): void => {
    e.preventDefault();
    openMenu({ x: e.clientX, y: e.clientY }, t('msgMenu'), [{ label: t('removeHere'), icon: 'trash-2', bad: true, run: () => void c.engine.discard(m) }]);
  };
  return (
    <span class={`call-line${outcome === 'missed' ? ' missed' : ''}`} onContextMenu={isOver ? onMenu : undefined}>
      <Icon name={lineIcon(outcome, media === 'video', m.mine)} small />
      <span>
        {callText(m.text)}
        <Hidden>, {t(media === 'video' ? 'call.video' : 'call.audio')}</Hidden>
        {m.duration !== undefined && (
          <>
            , <span dir="ltr">{clock(m.duration)}</span>
          </>
        )}
      </span>
      <time dateTime={new Date(m.at).toISOString()} title={fullTime(m.at)}>
        {timeOf(m.at)}
      </time>
      {canCall && (
        <button type="button" class="text-button" onClick={() => startCall(partsOf(m.chat).address, media)}>
          {t(m.mine ? 'call.again' : 'call.back')}
        </button>
      )}
    </span>
  );
}

// -- what a call says of itself ------------------------------------------------------------------------

function clock(ms: number): string {
  const h = Math.floor(ms / 3_600_000);
  return h ? `${h}:${lengthOf(ms % 3_600_000).padStart(5, '0')}` : lengthOf(ms);
}

/** Where the call is, in words; '' while all is well. */
function statusOf(c: Call): string {
  const name = nameOf(c.peer);
  switch (c.phase) {
    case 'ringing':
      return t(c.media === 'video' ? 'call.incoming.video' : 'call.incoming.audio', { name });
    case 'asking':
    case 'answering':
      return c.stuck ? t(`call.stuck.${c.stuck}`) : t('call.asking');
    case 'calling':
      return t(c.reached ? 'call.ringing' : 'call.calling');
    case 'connecting':
      return t('call.connecting');
    case 'open':
      return c.link === 'away' ? t('call.away') : c.link === 'poor' ? t('call.poor') : '';
    case 'ended':
      return c.end === 'refused' ? refusal.value : c.end === 'failed' && c.stuck ? t(`call.stuck.${c.stuck}`) : t(`call.end.${c.end!}` as 'call.end.hungup', { name });
    default:
      return '';
  }
}

function Since({ since }: { since: number }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span role="timer" dir="ltr">
      {clock(Math.max(0, Date.now() - since))}
    </span>
  );
}

/** Time, or what else there is to say; a screen reader hears it from the one line of the page. */
function Status({ c }: { c: Call }) {
  const words = statusOf(c);
  return (
    <span class="call-status" data-link={c.phase === 'open' ? c.link : undefined}>
      {c.phase === 'open' && <Since since={c.since} />}
      {words && (
        <span>
          {c.phase === 'open' && <Icon name={c.link === 'away' ? 'refresh-cw' : 'wifi-off'} small />} {words}
        </span>
      )}
      {c.phase === 'ended' && c.ms !== undefined && <span dir="ltr">{clock(c.ms)}</span>}
      {c.phase === 'open' && told.value.muted && (
        <span>
          <Icon name="mic-off" small /> {t('call.theirMuted', { name: nameOf(c.peer) })}
        </span>
      )}
    </span>
  );
}

function Who({ c, size }: { c: Call; size: 'small' | 'mid' | 'large' }) {
  return <Avatar name={chats.value!.nameOf(c.peer)} address={c.peer} size={size} />;
}

const Name = ({ c }: { c: Call }) => (
  <span class="one call-name" dir="auto">
    {nameOf(c.peer)}
  </span>
);

// -- somebody calls --------------------------------------------------------------------------------------

function Ringing({ c }: { c: Call }) {
  const isVideo = c.media === 'video';
  return (
    <section class="call-card" aria-label={t('call.title')}>
      <Who c={c} size="mid" />
      <span class="grow">
        <Name c={c} />
        <span class="call-status">
          <Icon name={isVideo ? 'video' : 'phone-incoming'} small /> {t(isVideo ? 'call.video' : 'call.audio')}
        </span>
      </span>
      <span class="call-choice">
        <Round icon="phone-off" class="no" label={t('call.decline')} onClick={hangUp} />
        {isVideo ? (
          <Round icon="phone" label={t('call.answerAudio')} class="soft" onClick={() => answerCall('audio')} />
        ) : (
          <Round icon="video" label={t('call.answerVideo')} class="soft" onClick={() => answerCall('video')} />
        )}
        <Round icon={isVideo ? 'video' : 'phone'} class="yes" label={t(isVideo ? 'call.answerVideo' : 'call.answer')} onClick={() => answerCall(c.media)} />
      </span>
    </section>
  );
}

// -- the call ------------------------------------------------------------------------------------------------

const streamOf = (track: MediaStreamTrack | null): MediaStream | null => (track ? new MediaStream([track]) : null);

function Picture({ track, own, show }: { track: MediaStreamTrack | null; own?: boolean; show: boolean }) {
  const ref = useRef<HTMLVideoElement>(null);
  useLayoutEffect(() => {
    ref.current!.srcObject = streamOf(track);
  }, [track]);
  // what was not to be seen when it came does not play by itself
  useEffect(() => void (show && track && ref.current!.play().catch(() => undefined)), [show, track]);
  const isMirror = own && track === mine.value.camera;
  // the sound comes from an element of its own
  return <video ref={ref} class={`${own ? 'call-own' : 'call-theirs'}${isMirror ? ' mirror' : ''}`} hidden={!show} autoplay playsInline muted aria-label={own ? t('call.ownPicture') : t('call.theirPicture', { name: nameOf(call.value.peer) })} />;
}

function Sound({ track }: { track: MediaStreamTrack | null }) {
  const ref = useRef<HTMLAudioElement>(null);
  const speaker = chats.value!.settings.value.speaker ?? '';
  useLayoutEffect(() => {
    const el = ref.current!;
    el.srcObject = streamOf(track);
    void el.play().catch(() => undefined);
  }, [track]);
  useEffect(() => {
    const el = ref.current as (HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> }) | null;
    if (canChooseSpeaker() && speaker) void el?.setSinkId?.(speaker).catch(() => undefined);
  }, [speaker, track]);
  return <audio ref={ref} autoplay />;
}

function WaysOn({ c }: { c: Call }) {
  const retry = <Button kind="main" onClick={() => dispatch({ e: 'retry' })}>{t('tryAgain')}</Button>;
  const close = (word: 'close' | 'cancel'): ComponentChildren => (
    <Button kind="quiet" onClick={() => (c.phase === 'ended' ? dispatch({ e: 'dismiss' }) : hangUp())}>
      {t(word)}
    </Button>
  );
  if (c.stuck && c.phase !== 'ended')
    return (
      <div class="call-ways">
        {c.stuck !== 'insecure' && retry}
        {(c.stuck === 'noCam' || c.stuck === 'deniedCam' || (c.stuck === 'inUse' && c.devices === 'video')) && <Button onClick={() => dispatch({ e: 'retry', devices: 'audio' })}>{t('call.soundOnly')}</Button>}
        {(c.stuck === 'noMic' || c.stuck === 'denied' || (c.stuck === 'inUse' && c.devices === 'audio')) && <Button onClick={() => dispatch({ e: 'retry', devices: 'none' })}>{t('call.without')}</Button>}
        <Button onClick={() => (hangUp(), toChat())}>{t('call.write')}</Button>
        {close('cancel')}
      </div>
    );
  if (c.phase !== 'ended') return null;
  const isBad = c.end !== 'hungup' && c.end !== 'declined';
  return (
    <div class="call-ways">
      {isBad && <Button kind="main" icon="phone" onClick={() => (dispatch({ e: 'dismiss' }), startCall(c.peer, c.media))}>{t('call.again')}</Button>}
      {isBad && <Button onClick={toChat}>{t('call.write')}</Button>}
      {c.stuck === 'noRelay' && chats.value!.settings.value.callsHidden && <Button onClick={() => (dispatch({ e: 'dismiss' }), go({ page: 'settings/privacy' }))}>{t('settings.title')}</Button>}
      {close('close')}
    </div>
  );
}

function togglePicture(): void {
  const video = document.querySelector<HTMLVideoElement>('.call-theirs');
  if (document.pictureInPictureElement) void document.exitPictureInPicture().catch(() => undefined);
  else void video?.requestPictureInPicture().catch(() => undefined);
}

function Controls({ c }: { c: Call }) {
  const m = mine.value;
  const isMuted = muted.value || !m.mic;
  return (
    <div class="call-foot" role="group" aria-label={t('call.controls')}>
      <Round icon={isMuted ? 'mic-off' : 'mic'} label={t('call.mute')} keys="M" class="soft" aria-pressed={isMuted} onClick={() => void switchMute()} />
      <Round icon={m.camera ? 'video' : 'video-off'} label={t('call.camera')} keys="V" class="soft" aria-pressed={!!m.camera} onClick={() => void switchCamera()} />
      {canShare() && <Round icon="screen-share" label={t('call.screen')} class="soft" aria-pressed={!!m.screen} disabled={c.phase !== 'open'} onClick={() => void switchScreen()} />}
      <Round icon="phone-off" class="no" label={t('call.hangup')} onClick={hangUp} />
    </div>
  );
}

function Whole({ c }: { c: Call }) {
  const ref = useRef<HTMLDivElement>(null);
  const [hasDevices, showDevices] = useState(false);
  const m = mine.value;
  const full = isFull.value;
  // what lies under it is not there for keys and readers
  useLayoutEffect(() => {
    if (!full) return;
    const before = document.activeElement as HTMLElement | null;
    const under = document.querySelector<HTMLElement>('.app');
    if (under) under.inert = true;
    ref.current!.focus();
    return () => {
      if (under) under.inert = false;
      if (before?.isConnected && before !== document.body) before.focus({ preventScroll: true });
    };
  }, [full]);
  const onKey = (e: KeyboardEvent): void => {
    if ((e.target as HTMLElement).matches('select') || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === 'Escape') {
      if (hasDevices) showDevices(false);
      else if (c.phase === 'ended') dispatch({ e: 'dismiss' });
      else isFull.value = false;
    } else if (e.code === 'KeyM' && isBusy(c)) void switchMute();
    else if (e.code === 'KeyV' && isBusy(c)) void switchCamera();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const seen = isSeen.value && c.phase === 'open';
  const own = m.screen ?? m.camera;
  return (
    <div ref={ref} class={`call${full ? '' : ' hidden'}`} role="dialog" aria-label={t('call.region', { name: nameOf(c.peer) })} inert={!full || undefined} tabIndex={-1} onKeyDown={onKey}>
      <div class="call-head">
        {c.phase !== 'ended' && <Round icon="chevron-down" label={t('call.small')} keys="Esc" onClick={() => (isFull.value = false)} />}
        <span class="grow call-title">
          {c.phase === 'open' && (
            <>
              <Name c={c} />
              <Status c={c} />
            </>
          )}
        </span>
        {seen && document.pictureInPictureEnabled && <Round icon="picture-in-picture-2" label={t('call.pip')} onClick={togglePicture} />}
        {isBusy(c) && !c.stuck && <Round icon="sliders-horizontal" label={t('call.devices')} aria-expanded={hasDevices} onClick={() => showDevices(!hasDevices)} />}
      </div>
      <div class="call-stage" data-seen={seen || undefined}>
        <Picture track={seenTrack.value} show={seen} />
        {!seen && (
          <div class="call-mid">
            <Who c={c} size="large" />
            {c.phase !== 'open' && (
              <>
                <Name c={c} />
                <Status c={c} />
              </>
            )}
            <WaysOn c={c} />
          </div>
        )}
        <Picture track={own} own show={!!own && isBusy(c)} />
      </div>
      {hasDevices && isBusy(c) && <CallDevices />}
      {(hint.value || m.screen) && isBusy(c) && (
        <p class="call-hint">
          <Icon name={hint.value ? 'circle-alert' : 'screen-share'} small /> {hint.value || t('call.screenOn', { name: nameOf(c.peer) })}
        </p>
      )}
      {isBusy(c) && !c.stuck && <Controls c={c} />}
    </div>
  );
}

/** While one looks at chats. */
function Bar({ c }: { c: Call }) {
  const isMuted = muted.value || !mine.value.mic;
  return (
    <section class="call-bar" aria-label={t('call.region', { name: nameOf(c.peer) })}>
      <button type="button" class="call-back grow" onClick={() => (isFull.value = true)}>
        <Who c={c} size="small" />
        <span class="grow call-title">
          <Name c={c} />
          <Status c={c} />
        </span>
        <Hidden>{t('call.full')}</Hidden>
        <Icon name="maximize" small />
      </button>
      {isBusy(c) && <Round icon={isMuted ? 'mic-off' : 'mic'} label={t('call.mute')} aria-pressed={isMuted} onClick={() => void switchMute()} />}
      {isBusy(c) ? <Round icon="phone-off" class="no" label={t('call.hangup')} onClick={hangUp} /> : <Round icon="x" label={t('close')} onClick={() => dispatch({ e: 'dismiss' })} />}
    </section>
  );
}

export function Calls() {
  const e = chats.value!.engine;
  useEffect(() => attend(e), [e]);
  const c = call.value;
  const words = statusOf(c);
  useEffect(() => {
    if (words) say(words);
    else if (c.phase === 'open') say(t('call.open'));
  }, [words, c.phase]);
  if (c.phase === 'idle') return null;
  if (c.phase === 'ringing') return <Ringing c={c} />;
  return (
    <>
      <Sound track={heardTrack.value} />
      {!isFull.value && <Bar c={c} />}
      <Whole c={c} />
    </>
  );
}

