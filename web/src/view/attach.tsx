// Files that wait in the composer.
import '../ui/icons-more';
import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { StagedFile } from '../base/model';
import { sizeOf, t } from '../i18n';
import { chats } from '../state/app';
import { Icon } from '../ui/icon';
import { Round } from '../ui/parts';
import { iconOf } from './media';

function Thumb({ f }: { f: StagedFile }) {
  const url = useSignal('');
  useEffect(() => {
    let made = '';
    void chats.peek()!.engine.store.file.get(f.key).then((s) => {
      if (s) url.value = made = URL.createObjectURL(s.blob);
    });
    return () => URL.revokeObjectURL(made);
  }, [f.key]);
  return url.value ? <img src={url.value} alt="" width="40" height="40" /> : <span class="kind" />;
}

export function StagedRows({ files = [], onRemove }: { files?: StagedFile[]; onRemove?: (f: StagedFile) => void; onChange?: (f: StagedFile[]) => void }) {
  const c = chats.value!;
  return (
    <ul class="staged plain" aria-label={t('attach.list')}>
      {files.map((f) => (
        <li key={f.key} class="staged-file">
          {f.width ? (
            <Thumb f={f} />
          ) : (
            <span class="kind">
              <Icon name={iconOf(f.mime)} />
            </span>
          )}
          <span class="grow">
            <span class="one block title" dir="auto">
              {f.name}
            </span>
            <span class="quiet-text">
              {sizeOf(f.size)}
              {f.width && !c.settings.value.keepPhotoData ? `, ${t('attach.clean')}` : ''}
            </span>
          </span>
          <Round icon="x" label={t('attach.remove', { name: f.name })} onClick={() => onRemove?.(f)} />
        </li>
      ))}
    </ul>
  );
}
