// Tables as text: comma, semicolon, tab or bar between cells, as the text itself shows.
import Papa from 'papaparse';
import { ImportError, ROWS_MOST, tidy, type Table } from './limits';

/** Some programs name the delimiter in a first line of its own. */
const SEP = /^sep=(.)\r?\n/i;

export function readCsv(text: string): Table {
  const named = SEP.exec(text);
  const body = named ? text.slice(named[0].length) : text;
  // more than may be is enough to know that it is too much
  const parsed = Papa.parse<string[]>(body, { delimiter: named?.[1] ?? '', delimitersToGuess: [',', ';', '\t', '|'], skipEmptyLines: 'greedy', preview: ROWS_MOST + 3 });
  if (!parsed.data.length) throw new ImportError('empty');
  return tidy(parsed.data.map((r) => r.map((c) => (/^'[=+\-@]/.test(c) ? c.slice(1) : c))));
}

/** A cell that a spreadsheet would take for a formula gets an apostrophe before it, so that it stays text; numbers of phones are none. */
const safe = (cell: string): string => (/^[=+\-@\t\r]/.test(cell) && !/^\+\d+$/.test(cell) ? `'${cell}` : cell);

/** With the mark of UTF-8 at its beginning, which spreadsheets need. */
export const writeCsv = (rows: string[][]): string => `\ufeff${Papa.unparse(rows.map((r) => r.map(safe)), { newline: '\r\n' })}\r\n`;
