// Bringing contacts from a file or the clipboard: what was found is shown, with what each column means, before anything is stored.
import { useSignal } from '@preact/signals';
import { BOOK_MOST, newOnes, withMore } from '../base/contacts';
import { plainName } from '../base/text';
import { changeBook } from '../state/book';
import { sizeOf, t, type Key } from '../i18n';
import { contactsIn, FILE_MOST, guess, hasHeading, ImportError, meanings, readFile, readText, ROWS_MOST, type Meaning, type Read, type Table } from '../importer/index';
import { DialogHead } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { Button, One, Switch } from '../ui/parts';
import type { Contact } from '../wire/api';
import { channelIcon } from './list';
import { channelLabel } from './settings-contacts';
import { sentence } from './trouble';

const SHOWN = 50;

function faultText(e: unknown): string {
  if (!(e instanceof ImportError)) return sentence(e);
  if (e.fault === 'too-big') return t('import.tooBig', { size: sizeOf(FILE_MOST) });
  return e.fault === 'too-many-rows' ? t('import.tooMany', { n: ROWS_MOST }) : t(`import.${e.fault}` as Key);
}

function Pick({ onRead }: { onRead: (r: Read) => void }) {
  const error = useSignal('');
  const text = useSignal('');
  const busy = useSignal(false);
  const over = useSignal(false);
  const take = async (work: () => Read | Promise<Read>): Promise<void> => {
    busy.value = true;
    error.value = '';
    try {
      onRead(await work());
    } catch (e) {
      error.value = faultText(e);
    }
    busy.value = false;
  };
  return (
    <div
      class="dialog-text stack"
      onDragOver={(e) => {
        if (!e.dataTransfer?.types.includes('Files')) return;
        e.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={(e) => {
        e.preventDefault();
        over.value = false;
        const f = e.dataTransfer?.files[0];
        if (f) void take(() => readFile(f));
      }}
    >
      <label class={`drop${over.value ? ' over' : ''}`}>
        <Icon name="upload" />
        <span class="title">{t('import.choose')}</span>
        <span class="quiet-text">{t('import.kinds', { size: sizeOf(FILE_MOST) })}</span>
        <input
          id="import-file"
          type="file"
          class="hidden"
          accept=".csv,.tsv,.txt,.vcf,.vcard,.xlsx,text/csv,text/vcard"
          disabled={busy.value}
          onChange={(e) => {
            const f = e.currentTarget.files?.[0];
            e.currentTarget.value = '';
            if (f) void take(() => readFile(f));
          }}
        />
      </label>
      <div class="field">
        <label for="import-text">{t('import.paste')}</label>
        <textarea id="import-text" dir="auto" rows={4} spellcheck={false} value={text.value} onInput={(e) => (text.value = e.currentTarget.value)} />
      </div>
      {error.value && (
        <p class="notice bad" role="alert">
          <Icon name="circle-alert" small />
          <span class="grow">{error.value}</span>
        </p>
      )}
      <p class="field-hint">{t('import.private')}</p>
      <div class="dialog-foot">
        <Button kind="main" busy={busy.value} disabled={!text.value.trim()} onClick={() => void take(() => readText(text.value))}>
          {t('import.look')}
        </Button>
      </div>
    </div>
  );
}

function Columns({ table, heading, means, onChange }: { table: Table; heading: boolean; means: Meaning[]; onChange: (m: Meaning[]) => void }) {
  const body = table.rows.slice(heading ? 1 : 0);
  return (
    <fieldset class="columns">
      <legend>{t('import.columns')}</legend>
      {means.map((m, i) => {
        const sample = body.map((r) => r[i]!).filter(Boolean).slice(0, 3).join(', ');
        return (
          <div key={i} class="column">
            <label for={`column-${i}`} class="grow">
              <One class="block">{(heading && plainName(table.rows[0]![i]!)) || t('import.column', { n: i + 1 })}</One>
              <One class="block quiet-text">{plainName(sample)}</One>
            </label>
            <select id={`column-${i}`} data-column={i} value={m} onChange={(e) => onChange(means.map((x, j) => (j === i ? (e.currentTarget.value as Meaning) : x)))}>
              {meanings.map((x) => (
                <option key={x} value={x}>
                  {x === '' ? t('import.leave') : t(`import.as.${x}` as Key)}
                </option>
              ))}
            </select>
          </div>
        );
      })}
    </fieldset>
  );
}

function Preview({ read, known, onBack, close }: { read: Read; known: Contact[]; onBack: () => void; close: (n?: number) => void }) {
  const heading = useSignal(read.kind === 'table' && hasHeading(read.table));
  const means = useSignal<Meaning[]>(read.kind === 'table' ? guess(read.table, heading.value) : []);
  const busy = useSignal(false);
  const error = useSignal('');
  const found = read.kind === 'table' ? contactsIn(read.table, means.value, heading.value) : read;
  const fresh = newOnes(known, found.contacts as Contact[]);
  const isFull = known.length + fresh.length > BOOK_MOST;
  const store = async (): Promise<void> => {
    busy.value = true;
    error.value = '';
    try {
      let added = 0;
      await changeBook((list) => {
        const next = withMore(list, fresh);
        if (next.length > BOOK_MOST) throw new ImportError('too-many-rows');
        added = next.length - list.length;
        return next;
      });
      close(added);
    } catch (e) {
      error.value = faultText(e);
    }
    busy.value = false;
  };
  return (
    <div class="dialog-text stack">
      {read.kind === 'table' && (
        <>
          <Switch label={t('import.heading')} checked={heading.value} onChange={(on) => ((heading.value = on), (means.value = guess(read.table, on)))} />
          <Columns table={read.table} heading={heading.value} means={means.value} onChange={(m) => (means.value = m)} />
        </>
      )}
      <p role="status" class="title" data-fresh={fresh.length}>
        {t('import.fresh', { n: fresh.length })}
      </p>
      <p class="quiet-text">{[found.contacts.length > fresh.length ? t('import.known', { n: found.contacts.length - fresh.length }) : '', found.skipped ? t('import.skipped', { n: found.skipped }) : ''].filter(Boolean).join(' · ')}</p>
      <ul class="plain preview" aria-label={t('import.fresh', { n: fresh.length })}>
        {fresh.slice(0, SHOWN).map((c) => (
          <li key={c.channel + c.address} class="row-line">
            <Icon name={channelIcon[c.channel] ?? 'user'} small />
            <One class="grow">{plainName(c.name)}</One>
            <span class="one quiet-text" title={channelLabel(c.channel)}>
              <bdi dir="ltr">{c.address}</bdi>
            </span>
          </li>
        ))}
      </ul>
      {fresh.length > SHOWN && <p class="quiet-text">{t('import.more', { n: fresh.length - SHOWN })}</p>}
      {isFull && <p class="field-error">{t('import.tooMany', { n: BOOK_MOST })}</p>}
      {error.value && (
        <p class="notice bad" role="alert">
          {error.value}
        </p>
      )}
      <div class="dialog-foot">
        <Button kind="quiet" onClick={onBack}>
          {t('back')}
        </Button>
        <Button kind="main" busy={busy.value} disabled={!fresh.length || isFull || busy.value} onClick={() => void store()}>
          {t('import.do', { n: fresh.length })}
        </Button>
      </div>
    </div>
  );
}

export function ImportDialog({ known, close }: { known: Contact[]; close: (n?: number) => void }) {
  const read = useSignal<Read | null>(null);
  return (
    <>
      <DialogHead title={t('import.title')} onClose={() => close()} closeLabel={t('close')} />
      {read.value ? <Preview read={read.value} known={known} onBack={() => (read.value = null)} close={close} /> : <Pick onRead={(r) => (read.value = r)} />}
    </>
  );
}

