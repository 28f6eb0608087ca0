// The address book as a file to keep.
import { csvOf, templateCsv, vcfOf } from '../importer/index';
import { chats } from '../state/app';
import type { Contact } from '../wire/api';
import { saveBlob } from './save-blob';

export function exportBook(kind: 'csv' | 'vcf' | 'template', list: Contact[]): void {
  const name = `contacts-${kind === 'template' ? 'template' : chats.peek()!.engine.me}`;
  if (kind === 'vcf') saveBlob(`${name}.vcf`, new Blob([vcfOf(list)], { type: 'text/vcard' }));
  else saveBlob(`${name}.csv`, new Blob([kind === 'csv' ? csvOf(list) : templateCsv()], { type: 'text/csv' }));
}
