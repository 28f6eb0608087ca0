// Dialogs: the browser's own <dialog>, which holds the focus and gives it back.
import { signal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Button, Round } from './parts';

export interface DialogEntry {
  id: number;
  view: (close: (result?: unknown) => void) => VNode;
  done: (result: unknown) => void;
}

export const dialogs = signal<DialogEntry[]>([]);
let last = 0;

/** Shows a dialog; settles with what it closes with, or undefined. */
export function openDialog<T>(view: (close: (result?: T) => void) => VNode): Promise<T | undefined> {
  return new Promise((done) => {
    dialogs.value = [...dialogs.value, { id: ++last, view: view as DialogEntry['view'], done: done as (r: unknown) => void }];
  });
}

function closeEntry(entry: DialogEntry, result?: unknown): void {
  dialogs.value = dialogs.value.filter((d) => d !== entry);
  entry.done(result);
}

function Shown({ entry }: { entry: DialogEntry }) {
  const ref = useRef<HTMLDialogElement>(null);
  // with what is drawn, not after it: a key that comes at once is a key in the dialog
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const dialog = ref.current!;
    dialog.showModal();
    return () => {
      dialog.close(); // nothing beside an open one can have the focus
      if (before?.isConnected) before.focus();
    };
  }, []);
  const close = (result?: unknown): void => closeEntry(entry, result);
  return (
    <dialog
      ref={ref}
      class="dialog"
      aria-labelledby={`dialog-${entry.id}`}
      onCancel={(e) => {
        e.preventDefault();
        close();
      }}
      onClick={(e) => e.target === ref.current && close()}
    >
      <div class="dialog-in" data-dialog={entry.id}>
        {entry.view(close)}
      </div>
    </dialog>
  );
}

export function Dialogs() {
  return (
    <>
      {dialogs.value.map((entry) => (
        <Shown key={entry.id} entry={entry} />
      ))}
    </>
  );
}

/** Heading of a dialog, with its way out. */
export function DialogHead({ title, onClose, closeLabel }: { title: string; onClose?: () => void; closeLabel?: string }) {
  const entry = dialogs.value[dialogs.value.length - 1];
  return (
    <div class="dialog-head">
      <h2 id={`dialog-${entry?.id ?? 0}`} class="grow">
        {title}
      </h2>
      {onClose && <Round icon="x" label={closeLabel ?? ''} onClick={() => onClose()} />}
    </div>
  );
}

/** A question with two answers. */
export function ask(o: { title: string; text: ComponentChildren; yes: string; no: string; bad?: boolean }): Promise<boolean> {
  return openDialog<boolean>((close) => (
    <>
      <DialogHead title={o.title} />
      <div class="dialog-text">{o.text}</div>
      <div class="dialog-foot">
        <Button kind="quiet" onClick={() => close(false)}>
          {o.no}
        </Button>
        <Button kind={o.bad ? 'bad' : 'main'} onClick={() => close(true)} autofocus>
          {o.yes}
        </Button>
      </div>
    </>
  )).then((r) => r === true);
}
