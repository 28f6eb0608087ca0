// What tests of the outside share: a phone with a key from the page, files of contacts, the way through the import.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bubble, top, until } from './lib.mjs';

const { zipSync, strToU8 } = createRequire(join(top, 'web/package.json'))('fflate');

export const settings = async (page, name) => {
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav').getByRole('button', { name }).click();
};
export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const state = (page, text) => bubble(page, text).first().getAttribute('data-state');
export const comes = (page, text, wanted) => until(`${text} is ${wanted}`, async () => (await state(page, text)) === wanted);

/** A key from the page, and the phone that uses it. */
export async function phoneOf(relay, page, name) {
  await settings(page, 'Advanced relay');
  await page.locator('#phone-name').fill(name);
  await button(page, 'Make a key').click();
  await page.locator('.card dd', { hasText: name }).waitFor();
  const key = (await page.locator('.card .archive-key').innerText()).trim();
  await button(page, 'Done').click();
  return phoneWith(relay, key, name);
}
export function phoneWith(relay, key, name) {
  const call = (path, body) => fetch(`${relay.url}/api/v1/phone/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }, body: JSON.stringify({ phone_id: name, ...body }) }).then(async (r) => ({ code: r.status, ...(await r.json()) }));
  return {
    key, call,
    claim: async () => (await call('claim', { limit: 10 })).messages,
    ack: (messages, status, more = {}) => call('ack', { results: messages.map((m) => ({ message_id: m.message_id, lease_id: m.lease_id, status, ...more })) }),
    bring: (from, text, channel = 'sms') => call('inbound', { channel, from, text, received_at: Date.now() }),
  };
}
export async function newTo(page, channel, to, phone) {
  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('button', { name: 'New message to a phone or mail' }).click();
  await page.locator('#out-channel').selectOption(channel);
  if (phone) await page.locator('#out-phone').selectOption(phone);
  if (to) await page.locator('#out-to').fill(to);
  await page.locator('.form-foot button').click();
  await page.locator('#compose').waitFor();
}
export const book = (user) => user.call('GET', '/api/v1/webchat/contacts').then((r) => r.contacts);

const csv = 'Name;Handy;E-Mail\r\nJörg Müller;0049 171 1234567;joerg@example.org\r\nAnna “A” Keller;+49 30 123456;\r\nOhne Nummer;;\r\n';
const cards = 'BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg\r\nTEL;CELL:+49 171 1234567\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:4.0\r\nFN:יוסף לוי\r\nTEL;VALUE=uri:tel:+972-50-123-4567\r\nEND:VCARD\r\n';
export const xlsx = Buffer.from(
  zipSync({
    'xl/workbook.xml': strToU8('<workbook/>'),
    'xl/worksheets/sheet1.xml': strToU8('<worksheet><sheetData><row><c t="inlineStr"><is><t>Name</t></is></c><c t="inlineStr"><is><t>Phone</t></is></c></row><row><c><f>HYPERLINK("http://evil.example")</f></c><c t="inlineStr"><is><t>+33 1 23 45 67 89</t></is></c></row><row><c t="inlineStr"><is><t>Jörg M.</t></is></c><c><v>4.91711234567E11</v></c></row></sheetData></worksheet>'),
  }),
);
/** Windows-1252 has the quotation marks where Latin-1 has nothing. */
const cp1252 = (s) => Buffer.from(s.replaceAll('“', '\x93').replaceAll('”', '\x94'), 'latin1');

export const files = { csv: ['people.csv', cp1252(csv)], vcf: ['people.vcf', Buffer.from(cards)], xlsx: ['people.xlsx', xlsx] };

export async function importing(page) {
  await settings(page, 'Contacts');
  await until('it is loaded', async () => !(await button(page, 'Import').isDisabled()));
  await button(page, 'Import').click();
  await page.locator('#import-file').waitFor({ state: 'attached' });
}
export const give = (page, name, buffer) => page.locator('#import-file').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
export async function take(page, n) {
  await page.locator(`[data-fresh="${n}"]`).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: `Import ${n}`, exact: true }).click();
  await page.locator(`[data-fresh="${n}"]`).waitFor({ state: 'detached' }); // the same words of the file before this one may still be there
  await page.getByText(`Imported: ${n}`).last().waitFor();
}
