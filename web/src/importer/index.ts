// A file or a pasted text becomes a table to choose columns of, or contacts at once.
import type { ContactLike } from '../base/contacts';
import { readCsv, writeCsv } from './csv';
import { rowsFor, template } from './columns';
import { textOf } from './decode';
import { FILE_MOST, ImportError, type Table } from './limits';
import { readVcf, writeVcf } from './vcf';

export { contactsIn, guess, hasHeading, meanings, type Meaning } from './columns';
export { FILE_MOST, ImportError, ROWS_MOST, type ImportFault, type Table } from './limits';

export type Read = { kind: 'table'; table: Table } | { kind: 'cards'; contacts: ContactLike[]; skipped: number };

export function readText(text: string): Read {
  const s = text.replace(/^\ufeff/, '');
  if (!s.trim()) throw new ImportError('empty');
  if (/^\s*BEGIN:VCARD/im.test(s.slice(0, 4096))) return { kind: 'cards', ...readVcf(s) };
  return { kind: 'table', table: readCsv(s) };
}

/** By what is in it, not by its name. */
export async function readFile(file: Blob): Promise<Read> {
  if (file.size > FILE_MOST) throw new ImportError('too-big');
  if (!file.size) throw new ImportError('empty');
  const bytes = new Uint8Array(await file.arrayBuffer());
  const is = (...head: number[]): boolean => head.every((b, i) => bytes[i] === b);
  if (is(0x50, 0x4b, 0x03, 0x04)) return { kind: 'table', table: (await import('./xlsx')).readXlsx(bytes) };
  // older Excel files, PDF, pictures
  if (is(0xd0, 0xcf, 0x11, 0xe0) || is(0x25, 0x50, 0x44, 0x46) || is(0x89, 0x50, 0x4e, 0x47) || is(0xff, 0xd8, 0xff)) throw new ImportError('unknown');
  return readText(textOf(bytes));
}

export const csvOf = (contacts: ContactLike[]): string => writeCsv(rowsFor(contacts));
export const vcfOf = (contacts: ContactLike[]): string => writeVcf(contacts);
export const templateCsv = (): string => writeCsv(template());
