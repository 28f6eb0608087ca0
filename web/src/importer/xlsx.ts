// The first sheet of an XLSX file as text. Only three parts of it are unpacked, each with a limit; its XML is read by hand: nothing in it is
// resolved, fetched or computed. Of a formula the value that the program stored is taken, else the formula as text.
import { unzipSync } from 'fflate';
import { COLUMNS_MOST, ImportError, mayUnpack, ROWS_MOST, tidy, UNPACKED_MOST, type Table } from './limits';

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** Only the five names of XML and numbers; what a file declares itself is left as it stands. */
const plain = (s: string): string =>
  s.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi, (all, hex?: string, dec?: string, name?: string) => {
    if (name) return entities[name] ?? all;
    const code = hex ? parseInt(hex, 16) : Number(dec);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });

/** One tag after the other with the text before it; a tag never reaches past the next <, so reading takes as long as the text is. */
function* tagsOf(xml: string): Generator<{ before: string; name: string; attrs: string; opens: boolean; closes: boolean }> {
  let at = 0;
  for (const m of xml.matchAll(/<(\/?)(?:\w+:)?(\w+)([^<>]*)>/g)) {
    const isEmpty = m[3]!.endsWith('/');
    yield { before: xml.slice(at, m.index), name: m[2]!, attrs: m[3]!, opens: !m[1], closes: !!m[1] || isEmpty };
    at = m.index! + m[0].length;
  }
}

/** Texts that cells refer to by number. A text may be cut into runs; what shows how it is pronounced is no part of it. */
function sharedOf(xml: string): string[] {
  const out: string[] = [];
  let text: string | null = null;
  let isSound = false;
  for (const t of tagsOf(xml)) {
    if (t.name === 'si' && t.opens) text = '';
    if (t.name === 'rPh') isSound = !t.closes;
    if (t.name === 't' && !t.opens && text !== null && !isSound) text += plain(t.before);
    if (t.name === 'si' && t.closes) {
      out.push(text ?? '');
      text = null;
    }
  }
  return out;
}

const attr = (tag: string, name: string): string => new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '';

function columnOf(ref: string): number {
  let n = 0;
  for (const c of /^[A-Z]+/i.exec(ref)?.[0].toUpperCase() ?? '') n = n * 26 + c.charCodeAt(0) - 64;
  return n - 1;
}

/** Numbers of phones are often kept as numbers: 4.930123456E10 is 49301234560. */
function numberText(v: string): string {
  if (!/e/i.test(v)) return v;
  const n = Number(v);
  return Number.isSafeInteger(n) ? String(n) : v;
}

interface Cell {
  kind: string;
  at: number;
  value?: string;
  formula?: string;
  inline: string;
}

function textOf(c: Cell, shared: string[]): string {
  if (c.kind === 'inlineStr') return c.inline;
  if (c.value === undefined) return c.formula ? `=${c.formula}` : '';
  if (c.kind === 's') return shared[Number(c.value)] ?? '';
  if (c.kind === 'e') return '';
  return c.kind === 'str' ? c.value : numberText(c.value);
}

function rowsOf(xml: string, shared: string[]): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell: Cell | null = null;
  for (const t of tagsOf(xml)) {
    if (t.name === 'row' && t.opens) row = [];
    if (t.name === 'c' && t.opens) cell = { kind: attr(t.attrs, 't'), at: attr(t.attrs, 'r') ? columnOf(attr(t.attrs, 'r')) : row.length, inline: '' };
    if (cell && !t.opens) {
      if (t.name === 'v') cell.value = plain(t.before);
      else if (t.name === 'f') cell.formula = plain(t.before);
      else if (t.name === 't') cell.inline += plain(t.before);
    }
    if (t.name === 'c' && t.closes && cell) {
      if (cell.at >= 0 && cell.at < COLUMNS_MOST) {
        while (row.length < cell.at) row.push('');
        row[cell.at] = textOf(cell, shared);
      }
      cell = null;
    }
    if (t.name === 'row' && t.closes && row.some((x) => x !== '')) {
      rows.push(row);
      if (rows.length > ROWS_MOST + 1) throw new ImportError('too-many-rows');
    }
  }
  return rows;
}

/** Unpacks the named parts; a part that claims too much ends it before it is unpacked. A part that is larger than it claims is cut there. */
function unpack(bytes: Uint8Array, wanted: (name: string) => boolean): Map<string, string> {
  let total = 0;
  try {
    const found = unzipSync(bytes, {
      filter: (f) => {
        if (!wanted(f.name)) return false;
        total += f.originalSize;
        if (total > UNPACKED_MOST || !mayUnpack(f.size, f.originalSize)) throw new ImportError('bomb');
        return true;
      },
    });
    return new Map(Object.entries(found).map(([n, b]) => [n, new TextDecoder().decode(b)]));
  } catch (e) {
    throw e instanceof ImportError ? e : new ImportError('broken');
  }
}

/** The path of the first sheet: by the workbook, else by its usual name. */
function firstSheet(bytes: Uint8Array): string {
  const parts = unpack(bytes, (n) => n === 'xl/workbook.xml' || n === 'xl/_rels/workbook.xml.rels');
  const tag = (part: string, name: string, is: (attrs: string) => boolean): string => {
    for (const t of tagsOf(parts.get(part) ?? '')) if (t.opens && t.name === name && is(t.attrs)) return t.attrs;
    return '';
  };
  const id = attr(tag('xl/workbook.xml', 'sheet', () => true), 'r:id');
  const target = id ? attr(tag('xl/_rels/workbook.xml.rels', 'Relationship', (a) => attr(a, 'Id') === id), 'Target') : '';
  if (!parts.size) throw new ImportError('broken');
  return target ? (target.startsWith('/') ? target.slice(1) : `xl/${target}`) : 'xl/worksheets/sheet1.xml';
}

export function readXlsx(bytes: Uint8Array): Table {
  const sheet = firstSheet(bytes);
  const parts = unpack(bytes, (n) => n === sheet || n === 'xl/sharedStrings.xml');
  const xml = parts.get(sheet);
  // one that was cut off says nothing of what is missing
  if (!xml || !/<\/(?:\w+:)?worksheet>\s*$/.test(xml.slice(-100))) throw new ImportError('broken');
  const shared = sharedOf(parts.get('xl/sharedStrings.xml') ?? '');
  return tidy(rowsOf(xml, shared));
}
