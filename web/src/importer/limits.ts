// What a file of contacts may be. It comes from anywhere: nothing of it is believed, and nothing of it is run.

/** Refused before a byte is read. */
export const FILE_MOST = 20_000_000;
/** What is in a packed file may grow to so much, and by so much where it is not small. */
export const UNPACKED_MOST = 50 * 1024 * 1024;
export const RATIO_MOST = 200;
const RATIO_FROM = 1024 * 1024;
/** Rows of a table, and entries of a VCF, besides the heading. */
export const ROWS_MOST = 5000;
export const COLUMNS_MOST = 200;
export const CELL_MOST = 1000;

export type ImportFault = 'too-big' | 'bomb' | 'too-many-rows' | 'broken' | 'empty' | 'unknown';

/** Why a file is not taken. */
export class ImportError extends Error {
  constructor(readonly fault: ImportFault) {
    super(fault);
    this.name = 'ImportError';
  }
}

/** A packed part that claims to be this large: true when it may be unpacked. */
export const mayUnpack = (packed: number, unpacked: number): boolean => unpacked <= UNPACKED_MOST && (unpacked <= RATIO_FROM || unpacked <= packed * RATIO_MOST);

export interface Table {
  rows: string[][];
}

/** Cells as the text they are: trimmed, cut to what a cell may have; rows of the same width; empty ones left out. */
export function tidy(rows: string[][]): Table {
  const clean = rows.map((r) => r.slice(0, COLUMNS_MOST).map((c) => c.replace(/\u0000/g, '').trim().slice(0, CELL_MOST))).filter((r) => r.some((c) => c !== ''));
  const width = clean.reduce((n, r) => Math.max(n, r.length), 0);
  const used = Array.from({ length: width }, (_, i) => i).filter((i) => clean.some((r) => (r[i] ?? '') !== ''));
  if (!clean.length) throw new ImportError('empty');
  if (clean.length > ROWS_MOST + 1) throw new ImportError('too-many-rows');
  return { rows: clean.map((r) => used.map((i) => r[i] ?? '')) };
}
