// Pictures in the whole window: the next, the one before, larger, turned.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Attachment, Message } from '../base/model';
import { number, sizeOf, t } from '../i18n';
import { chats } from '../state/app';
import { openDialog, dialogs } from '../ui/dialog';
import { Round } from '../ui/parts';
import { saveFile, useFile } from './media';

interface Shown {
  m: Message;
  a: Attachment;
}

function Image({ a, zoom, turn }: { a: Attachment; zoom: number; turn: number }) {
  const url = useFile(a.key);
  const ref = useRef<HTMLImageElement>(null);
  useEffect(() => {
    ref.current?.style.setProperty('transform', `scale(${zoom}) rotate(${turn * 90}deg)`);
  }, [zoom, turn, url]);
  return url ? <img ref={ref} src={url} alt={a.name} draggable={false} /> : <span class="pane-wait" aria-busy="true" />;
}

function Viewer({ list, start, close }: { list: Shown[]; start: number; close: () => void }) {
  const at = useSignal(start);
  const zoom = useSignal(1);
  const turn = useSignal(0);
  const now = list[at.value]!;
  const step = (by: number): void => {
    at.value = Math.max(0, Math.min(list.length - 1, at.value + by));
    zoom.value = 1;
    turn.value = 0;
  };
  const id = `dialog-${dialogs.value[dialogs.value.length - 1]?.id ?? 0}`;
  const isRtl = document.documentElement.dir === 'rtl';
  return (
    <div
      class="viewer"
      onKeyDown={(e) => {
        const dir = isRtl ? -1 : 1;
        if (e.key === 'ArrowRight') step(dir);
        else if (e.key === 'ArrowLeft') step(-dir);
        else if (e.key === '+') zoom.value = Math.min(6, zoom.value * 1.3);
        else if (e.key === '-') zoom.value = Math.max(0.5, zoom.value / 1.3);
        else if (e.key === 'r') turn.value++;
        else return;
        e.preventDefault();
      }}
    >
      <div class="viewer-head">
        <Round icon="x" label={t('close')} onClick={close} autofocus />
        <h2 id={id} class="grow one" dir="auto">
          {now.a.name}
        </h2>
        <span class="quiet-text">{sizeOf(now.a.size)}</span>
        <Round icon="download" label={t('file.save', { name: now.a.name })} onClick={() => void saveFile(now.a)} />
      </div>
      <div class="viewer-stage" onWheel={(e) => (zoom.value = Math.max(0.5, Math.min(6, zoom.value * (e.deltaY < 0 ? 1.1 : 0.9))))} onDblClick={() => (zoom.value = zoom.value === 1 ? 2 : 1)}>
        <Image key={now.a.key} a={now.a} zoom={zoom.value} turn={turn.value} />
      </div>
      <div class="viewer-foot">
        <Round icon="chevron-left" label={t('viewer.before')} disabled={at.value === 0} onClick={() => step(-1)} />
        <span aria-live="polite">{t('viewer.place', { n: at.value + 1, of: list.length })}</span>
        <Round icon="chevron-right" label={t('viewer.next')} disabled={at.value === list.length - 1} onClick={() => step(1)} />
        <span class="grow" />
        <Round icon="zoom-out" label={t('viewer.smaller')} onClick={() => (zoom.value = Math.max(0.5, zoom.value / 1.3))} />
        <Round icon="zoom-in" label={t('viewer.larger')} onClick={() => (zoom.value = Math.min(6, zoom.value * 1.3))} />
        <Round icon="rotate-cw" label={t('viewer.turn')} onClick={() => turn.value++} />
      </div>
    </div>
  );
}

/** All pictures of the loaded part of a chat, beginning with one. */
export async function view(m: Message, key: string): Promise<void> {
  const c = chats.peek()!;
  const tl = c.timeline(m.chat);
  const list = tl.keys
    .peek()
    .map((k) => tl.signalOf(k)!.peek())
    .flatMap((x) => (x.withdrawn ? [] : (x.files ?? []).filter((a) => a.mime.startsWith('image/') && a.at === 'here').map((a) => ({ m: x, a }))));
  const start = list.findIndex((x) => x.a.key === key);
  if (start < 0) {
    const a = m.files!.find((f) => f.key === key)!;
    await c.engine.files.fetch(m, a);
    return;
  }
  await openDialog((close) => <Viewer list={list} start={start} close={() => close()} />);
}

export { number };
