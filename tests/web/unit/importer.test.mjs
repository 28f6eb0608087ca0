// Contacts from files: tables, cards and sheets, in every encoding, and files that mean harm.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { modules, need } from './modules.mjs';

const { zipSync, strToU8 } = need('fflate');
let m;

before(async () => {
  const names = ['index', 'columns', 'csv', 'decode', 'limits', 'vcf', 'xlsx'];
  m = await modules(Object.fromEntries(names.map((n) => [n, `importer/${n}`])));
});

const fault = (work, wanted) => assert.throws(work, (e) => e.fault === wanted || assert.fail(`${e.fault ?? e} instead of ${wanted}`));
const brief = (list) => list.map((c) => `${c.name}|${c.channel}|${c.address}`);
/** What a table gives with the columns as they are guessed. */
const taken = (table) => {
  const heading = m.columns.hasHeading(table);
  return m.columns.contactsIn(table, m.columns.guess(table, heading), heading);
};
const latin1 = (s) => Uint8Array.from(s, (c) => c.charCodeAt(0));
const utf16 = (s, big, mark) => {
  const b = Buffer.from((mark ? '\ufeff' : '') + s, 'utf16le');
  return Uint8Array.from(big ? b.swap16() : b);
};

test('csv-with-every-delimiter-and-quotes', () => {
  const wanted = ['Keller, Anna|sms|+4930123456', 'Ben "B" Smith|sms|+33123456'];
  for (const d of [',', ';', '\t', '|'])
    assert.deepEqual(brief(taken(m.csv.readCsv(`Name${d}Phone\r\n"Keller, Anna"${d}+49 30 123456\r\n"Ben ""B"" Smith"${d}"+33 1 23 456"\r\n\r\n`)).contacts), wanted, d);
  assert.deepEqual(brief(taken(m.csv.readCsv('sep=;\nName;Phone\nAnna;+4930123456\n')).contacts), ['Anna|sms|+4930123456']);
  assert.deepEqual(brief(taken(m.csv.readCsv('Anna\t+49 30 123456\nBen\t+49 30 654321\n')).contacts), ['Anna|sms|+4930123456', 'Ben|sms|+4930654321'], 'without a heading');
  assert.deepEqual(brief(taken(m.csv.readCsv('Anna,"line\nbreak",anna@example.org\nB,,b@example.org')).contacts), ['Anna|email|anna@example.org', 'B|email|b@example.org']);
});

test('csv-of-the-usual-programs', () => {
  const google = 'First Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Phone 2 - Value\nAnna,Keller,* myContacts,* Home,anna@example.org ::: a.keller@example.com,Mobile,+49 30 123456,+49 30 9\n';
  assert.deepEqual(brief(taken(m.csv.readCsv(google)).contacts), ['Anna Keller|sms|+4930123456', 'Anna Keller|sms|+49309', 'Anna Keller|email|anna@example.org', 'Anna Keller|email|a.keller@example.com']);
  const outlook = 'Title,First Name,Last Name,E-mail Address,E-mail Type,E-mail Display Name,Mobile Phone,Business Phone\n,Yosef,Levi,yosef@example.org,SMTP,Yosef Levi (yosef@example.org),+972501234567,\n';
  assert.deepEqual(brief(taken(m.csv.readCsv(outlook)).contacts), ['Yosef Levi|sms|+972501234567', 'Yosef Levi|email|yosef@example.org']);
  const german = 'Vorname;Nachname;Handy;E-Mail\nJörg;Müller;0049 171 1234567;joerg@example.org\n;;;\nOhne;Nummer;;\n';
  const found = taken(m.csv.readCsv(german));
  assert.deepEqual(brief(found.contacts), ['Jörg Müller|sms|+491711234567', 'Jörg Müller|email|joerg@example.org']);
  assert.equal(found.skipped, 1);
});

test('columns-can-be-chosen-otherwise', () => {
  const t = m.csv.readCsv('a,b,c\nAnna,+4930123456,anna\n');
  assert.deepEqual(brief(m.columns.contactsIn(t, ['name', 'wa', 'pchat'], true).contacts), ['Anna|pchat|anna', 'Anna|wa|+4930123456']);
  assert.deepEqual(m.columns.contactsIn(t, ['', '', ''], true), { contacts: [], skipped: 1 });
});

test('encodings-by-mark-and-by-guess', () => {
  const s = 'Name;Telefon\nJörg Müller;+4930123456\n';
  const he = 'שם,טלפון\nיוסף לוי,+972501234567\n';
  for (const [what, bytes, encoding, text] of [
    ['UTF-8', new TextEncoder().encode(s), 'utf-8', s], ['UTF-8 with its mark', new TextEncoder().encode('\ufeff' + s), 'utf-8', s],
    ['UTF-16 LE', utf16(s, false, true), 'utf-16le', s], ['UTF-16 BE', utf16(he, true, true), 'utf-16be', he],
    ['UTF-16 LE without a mark', utf16(s, false, false), 'utf-16le', s], ['UTF-16 BE without a mark', utf16(s, true, false), 'utf-16be', s],
    ['Latin-1', latin1(s), 'windows-1252', s],
  ]) {
    assert.equal(m.decode.encodingOf(bytes), encoding, what);
    assert.equal(m.decode.textOf(bytes), text, what);
  }
});

test('formulas-stay-text', () => {
  const t = m.csv.readCsv('Name,Email\n"=HYPERLINK(""http://evil.example"",""x"")",a@example.org\n@SUM(1+1),b@example.org\n-2+3,c@example.org\n');
  assert.deepEqual(taken(t).contacts.map((c) => c.name), ['=HYPERLINK("http://evil.example","x")', '@SUM(1+1)', '-2+3']);
  const out = m.index.csvOf([{ name: '=cmd|x', channel: 'email', address: 'a@example.org' }, { name: '@a', channel: 'tg', address: '@some_one' }, { name: '-b', channel: 'sms', address: '+4930123456' }]);
  assert.equal(out, "\ufeffname,channel,address\r\n'=cmd|x,email,a@example.org\r\n'@a,tg,'@some_one\r\n'-b,sms,+4930123456\r\n");
  assert.deepEqual(brief(taken(m.index.readText(out).table).contacts), ['=cmd|x|email|a@example.org', '@a|tg|@some_one', '-b|sms|+4930123456'], 'and come back as they were');
});

test('vcf-of-three-versions', () => {
  const two = 'BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;;\r\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg M=\r\n=C3=BCller\r\nTEL;CELL:+49 171 1234567\r\nTEL;WORK;FAX:+49 30 1\r\nEMAIL;INTERNET:joerg@example.org\r\nPHOTO;ENCODING=BASE64;JPEG:/9j/4AAQSkZJRgABAQEAYABgAAD=\r\n END:NOT\r\n\r\nEND:VCARD\r\n';
  assert.deepEqual(brief(m.vcf.readVcf(two).contacts), ['Jörg Müller|sms|+491711234567', 'Jörg Müller|email|joerg@example.org']);
  const old = 'BEGIN:VCARD\nVERSION:2.1\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:M=FCller;J=F6rg\nTEL:030 123456\nEND:VCARD\n';
  assert.deepEqual(brief(m.vcf.readVcf(old).contacts), ['Jörg Müller|sms|030123456']);
  const three = 'BEGIN:VCARD\nVERSION:3.0\nFN:Anna\\, the \\"long\\"\n  Keller\nitem1.EMAIL;TYPE="INTERNET,HOME";X="a:b":anna@exam\n ple.org\nTEL;TYPE=CELL,VOICE:+4930123456\nTEL;TYPE=CELL:+49 (30) 123-456\nNOTE:TEL:+1\\nno\nEND:VCARD\n';
  assert.deepEqual(brief(m.vcf.readVcf(three).contacts), ['Anna, the "long" Keller|email|anna@example.org', 'Anna, the "long" Keller|sms|+4930123456']);
  const four = 'BEGIN:VCARD\nVERSION:4.0\nN:Levi;Yosef;;;\nFN:יוסף לוי\nTEL;VALUE=uri;TYPE="voice,cell";PREF=1:tel:+972-50-123-4567;ext=12\nIMPP:whatsapp:+972501234567\nX-WEBCHAT:yosef\nEND:VCARD\nBEGIN:VCARD\nVERSION:4.0\nFN:Nobody\nEND:VCARD\n';
  const found = m.vcf.readVcf(four);
  assert.deepEqual(brief(found.contacts), ['יוסף לוי|sms|+972501234567', 'יוסף לוי|wa|+972501234567', 'יוסף לוי|pchat|yosef']);
  assert.equal(found.skipped, 1);
});

test('vcf-that-is-cut-off-damaged-or-too-long', () => {
  assert.deepEqual(brief(m.vcf.readVcf('BEGIN:VCARD\nFN:A\nTEL:+4930123456\nBEGIN:VCARD\nFN:B\nTEL:+4930654321').contacts), ['A|sms|+4930123456', 'B|sms|+4930654321']);
  fault(() => m.vcf.readVcf('FN:A\nTEL:+1'), 'broken');
  fault(() => m.vcf.readVcf('BEGIN:VCARD\nEND:VCARD\n'.repeat(5001)), 'too-many-rows');
});

test('vcf-goes-out-and-comes-back', () => {
  const list = [{ name: 'Анна; "Келлер", die Lange mit einem sehr langen Namen, der gefaltet wird 😀😀😀', channel: 'sms', address: '+4930123456' }, { name: 'B', channel: 'email', address: 'b@example.org' }, { name: 'B', channel: 'tg', address: '@bb_b' }, { name: 'C', channel: 'pchat', address: 'cee' }, { name: 'C', channel: 'wa', address: '+331' }];
  const out = m.index.vcfOf(list);
  for (const line of out.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 75, line);
  assert.deepEqual(brief(m.vcf.readVcf(out).contacts).sort(), brief(list).sort());
});

const sheet = (rows) => `<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>${rows}</sheetData></worksheet>`;
const book = (parts) => zipSync(Object.fromEntries(Object.entries(parts).map(([n, s]) => [n, typeof s === 'string' ? strToU8(s) : s])));
const workbook = '<workbook xmlns:r="x"><sheets><sheet name="People" sheetId="1" r:id="rId3"/></sheets></workbook>';
const rels = '<Relationships><Relationship Id="rId1" Target="styles.xml"/><Relationship Target="worksheets/people.xml" Id="rId3"/></Relationships>';

test('xlsx-of-a-real-shape', () => {
  const shared = '<sst count="3"><si><t>Name</t></si><si><t>Phone</t></si><si><r><t xml:space="preserve">J&#246;rg </t></r><r><t>M&amp;M</t></r><rPh sb="0" eb="1"><t>no</t></rPh></si><si/></sst>';
  const rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c></row><row r="2"><c r="A2" t="s"><v>2</v></c><c r="C2"><v>4.930123456E9</v></c></row><row r="3" spans="1:3"/><row r="4"><c r="A4" t="inlineStr"><is><t>&lt;b&gt; 😀</t></is></c><c r="B4"/><c r="C4" t="str"><f>CONCAT("+49",B4)</f><v>+4930654321</v></c></row>';
  const t = m.xlsx.readXlsx(book({ 'xl/workbook.xml': workbook, 'xl/_rels/workbook.xml.rels': rels, 'xl/sharedStrings.xml': shared, 'xl/worksheets/people.xml': sheet(rows) }));
  assert.deepEqual(t.rows, [['Name', 'Phone'], ['Jörg M&M', '4930123456'], ['<b> 😀', '+4930654321']]);
  assert.deepEqual(brief(taken(t).contacts), ['Jörg M&M|sms|4930123456', '<b> 😀|sms|+4930654321']);
});

test('xlsx-formulas-are-never-computed', () => {
  const rows = '<row><c t="inlineStr"><is><t>Name</t></is></c><c t="inlineStr"><is><t>Email</t></is></c></row><row><c><f>HYPERLINK("http://evil.example")</f></c><c t="inlineStr"><is><t>a@example.org</t></is></c></row><row><c t="e"><f>1/0</f><v>#DIV/0!</v></c><c t="inlineStr"><is><t>b@example.org</t></is></c></row>';
  const t = m.xlsx.readXlsx(book({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': sheet(rows) }));
  assert.deepEqual(brief(taken(t).contacts), ['=HYPERLINK("http://evil.example")|email|a@example.org', 'b@example.org|email|b@example.org']);
});

test('xlsx-entities-of-its-own-are-not-resolved', () => {
  const evil = '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>' + sheet('<row><c t="inlineStr"><is><t>&b;&x;</t></is></c><c t="inlineStr"><is><t>a@example.org</t></is></c></row>');
  assert.deepEqual(m.xlsx.readXlsx(book({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': evil })).rows, [['&b;&x;', 'a@example.org']]);
});

test('xlsx-bombs-are-refused-before-they-are-unpacked', () => {
  const zeros = new Uint8Array(60 * 1024 * 1024);
  const before = process.memoryUsage().arrayBuffers;
  const bomb = book({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': zeros });
  assert.ok(bomb.length < 100_000);
  fault(() => m.xlsx.readXlsx(bomb), 'bomb');
  // small enough, but of a ratio that no table has
  const thin = book({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': zeros.subarray(0, 8 * 1024 * 1024) });
  fault(() => m.xlsx.readXlsx(thin), 'bomb');
  // one that lies about its size is cut where it says, and a sheet that was cut is not taken for a whole one
  const liar = book({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': sheet('<row><c><v>1</v></c></row>'.repeat(40_000)) });
  const view = Buffer.from(liar.buffer, liar.byteOffset, liar.length);
  for (let at = view.indexOf('PK\x01\x02'); at >= 0; at = view.indexOf('PK\x01\x02', at + 4)) if (view.toString('latin1', at + 46, at + 46 + view.readUInt16LE(at + 28)).includes('sheet1')) view.writeUInt32LE(500, at + 24);
  fault(() => m.xlsx.readXlsx(liar), 'broken');
  assert.ok(process.memoryUsage().arrayBuffers - before < 200 * 1024 * 1024);
});

test('xlsx-that-is-damaged-or-none', () => {
  const good = book({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': sheet('<row><c><v>1</v></c></row>') });
  for (const bytes of [good.subarray(0, good.length - 30), good.subarray(0, 10), Uint8Array.from([0x50, 0x4b, 3, 4]), book({ 'word/document.xml': 'x' })]) fault(() => m.xlsx.readXlsx(bytes), 'broken');
  const odd = Uint8Array.from(good);
  odd.fill(0xff, 40, 90);
  assert.throws(() => m.xlsx.readXlsx(odd), (e) => ['broken', 'empty', 'bomb'].includes(e.fault) || assert.fail(String(e)));
  fault(() => m.xlsx.readXlsx(book({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': sheet('<row><c><v>1</v></c></row>'.repeat(5002)) })), 'too-many-rows');
});

test('reading-takes-as-long-as-the-file-is', () => {
  // tags that never close, one in another: a reader that looks for their ends again and again takes hours
  const open = sheet('<row><c t="s"><v>'.repeat(100_000));
  const start = performance.now();
  assert.throws(() => m.xlsx.readXlsx(zipSync({ 'xl/workbook.xml': strToU8('<workbook/>'), 'xl/worksheets/sheet1.xml': [strToU8(open), { level: 0 }] })));
  assert.throws(() => m.vcf.readVcf('BEGIN:VCARD\n' + '"'.repeat(200_000) + '\n' + ';'.repeat(200_000) + 'END:VCARD'.repeat(2) + '\nBEGIN:VCARD\nEND:VCARD\n'.repeat(6000)));
  assert.ok(performance.now() - start < 5000, `${performance.now() - start} ms`);
});

test('a-file-of-100-mb-is-refused-unread', async () => {
  let isRead = false;
  const file = { size: 100 * 1024 * 1024, arrayBuffer: async () => ((isRead = true), new ArrayBuffer(0)) };
  await assert.rejects(m.index.readFile(file), (e) => e.fault === 'too-big');
  assert.equal(isRead, false);
});

test('files-are-known-by-what-is-in-them', async () => {
  const read = (bytes) => m.index.readFile(new Blob([bytes]));
  assert.equal((await read('BEGIN:VCARD\nFN:A\nTEL:+4930123456\nEND:VCARD')).kind, 'cards');
  assert.equal((await read(utf16('BEGIN:VCARD\nFN:A\nTEL:+4930123456\nEND:VCARD', false, true))).contacts.length, 1);
  assert.equal((await read(book({ 'xl/workbook.xml': '<workbook/>', 'xl/worksheets/sheet1.xml': sheet('<row><c><v>1</v></c></row>') }))).kind, 'table');
  for (const [bytes, wanted] of [['', 'empty'], ['  \n ', 'empty'], [Uint8Array.from([0xd0, 0xcf, 0x11, 0xe0, 1]), 'unknown'], [Uint8Array.from([0x89, 0x50, 0x4e, 0x47]), 'unknown'], ['%PDF-1.7', 'unknown']]) await assert.rejects(read(bytes), (e) => e.fault === wanted || assert.fail(`${e}`));
  fault(() => m.csv.readCsv('a,b\n'.repeat(5002)), 'too-many-rows');
});

test('the-template-comes-back-whole', () => {
  const back = taken(m.index.readText(m.index.templateCsv()).table);
  assert.deepEqual(brief(back.contacts), ['Anna Keller|sms|+4930123456', 'Yosef Levi|email|yosef@example.org', 'Mira Santos|pchat|mira']);
});
