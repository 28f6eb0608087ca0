// Messages to the outside and the address book: phones, states in words, blocks, imports, in a real browser over a real relay.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe, bubble, launch, signedIn, small, startRelay, tooWide, top, until, write } from './lib.mjs';

const { zipSync, strToU8 } = createRequire(join(top, 'web/package.json'))('fflate');
let relay, browser;

before(async () => ([relay, browser] = await Promise.all([startRelay(), launch()])));
after(async () => {
  await browser?.close();
  await relay?.stop();
});

const settings = async (page, name) => {
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav').getByRole('button', { name }).click();
};
const button = (page, name) => page.getByRole('button', { name, exact: true });
const state = (page, text) => bubble(page, text).first().getAttribute('data-state');
const comes = (page, text, wanted) => until(`${text} is ${wanted}`, async () => (await state(page, text)) === wanted);

/** A key from the page, and the phone that uses it. */
async function phoneOf(page, name) {
  await settings(page, 'Advanced relay');
  await page.locator('#phone-name').fill(name);
  await button(page, 'Make a key').click();
  await page.locator('.card dd', { hasText: name }).waitFor();
  const key = (await page.locator('.card .archive-key').innerText()).trim();
  await button(page, 'Done').click();
  return phoneWith(key, name);
}
function phoneWith(key, name) {
  const call = (path, body) => fetch(`${relay.url}/api/v1/phone/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }, body: JSON.stringify({ phone_id: name, ...body }) }).then(async (r) => ({ code: r.status, ...(await r.json()) }));
  return {
    key, call,
    claim: async () => (await call('claim', { limit: 10 })).messages,
    ack: (messages, status, more = {}) => call('ack', { results: messages.map((m) => ({ message_id: m.message_id, lease_id: m.lease_id, status, ...more })) }),
    bring: (from, text, channel = 'sms') => call('inbound', { channel, from, text, received_at: Date.now() }),
  };
}
async function newTo(page, channel, to, phone) {
  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('button', { name: 'New message to a phone or mail' }).click();
  await page.locator('#out-channel').selectOption(channel);
  if (phone) await page.locator('#out-phone').selectOption(phone);
  if (to) await page.locator('#out-to').fill(to);
  await page.locator('.form-foot button').click();
  await page.locator('#compose').waitFor();
}
const book = (user) => user.call('GET', '/api/v1/webchat/contacts').then((r) => r.contacts);
const again = (address) => relay.user(address);

test('J9 states-of-a-message-in-words', async () => {
  const page = await signedIn(browser, relay, 'states', 'Sta Tes');
  await newTo(page, 'sms', '+49 30 123456');
  await write(page, 'before any phone');
  await comes(page, 'before any phone', 'queued');
  await page.locator('.outside-wait.bad', { hasText: 'No phone fetches messages yet.' }).waitFor();
  const pixel = await phoneOf(page, 'pixel');
  assert.deepEqual((await pixel.claim()).map((m) => m.text), ['before any phone']);
  await page.locator('[data-chat="sms::+4930123456"]').click();
  await comes(page, 'before any phone', 'claimed');
  await page.locator('.outside-wait', { hasText: 'pixel is sending it' }).waitFor();
  const [m] = await (async () => {
    await write(page, 'the second one');
    await comes(page, 'the second one', 'queued');
    return pixel.claim();
  })();
  assert.equal(m.text, 'the second one');
  await pixel.ack([m], 'sent');
  await comes(page, 'the second one', 'sent');
  await pixel.ack([m], 'delivered');
  await comes(page, 'the second one', 'delivered');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('J9 no-phone-has-fetched-this', async () => {
  const page = await signedIn(browser, relay, 'silent', 'Si Lent');
  const pixel = await phoneOf(page, 'pixel');
  await pixel.claim();
  // a clock that runs ahead: the last visit of the phone and the message are eleven minutes old to this page
  await page.evaluate(() => {
    const now = Date.now.bind(Date);
    globalThis.ahead = 0;
    Date.now = () => now() + globalThis.ahead;
  });
  await newTo(page, 'sms', '+49 30 123456');
  await write(page, 'is anybody there?');
  await comes(page, 'is anybody there?', 'queued');
  await page.locator('.outside-wait:not(.bad)', { hasText: 'Waiting for pixel' }).waitFor();
  await page.evaluate(() => (globalThis.ahead = 11 * 60_000));
  await page.locator('.list-head .round').first().click();
  await page.locator('[data-chat="sms::+4930123456"]').click();
  await page.locator('.outside-wait.bad', { hasText: 'pixel has fetched nothing for 11 min' }).waitFor();
  await page.locator('.outside-wait').getByRole('button', { name: 'Phones' }).click();
  await page.locator('.card-line', { hasText: 'pixel' }).locator('.pill.bad', { hasText: 'Silent' }).waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('J9 failed-says-why-and-goes-again', async () => {
  const page = await signedIn(browser, relay, 'failing', 'Fai Ling');
  const pixel = await phoneOf(page, 'pixel');
  await newTo(page, 'sms', '+49 30 999');
  await write(page, 'to nowhere');
  await comes(page, 'to nowhere', 'queued');
  const [m] = await pixel.claim();
  await pixel.ack([m], 'failed', { error: 'No signal' });
  // the relay gives it to the phone again for hours before it says so for good: here it says it at once
  let told = false;
  await page.route('**/webchat/poll', async (route) => {
    const r = await route.fetch();
    const json = await r.json();
    if (!told) json.changes = [...(json.changes ?? []), { message_id: m.message_id, status: 'failed', at: Date.now() }];
    told = true;
    await route.fulfill({ response: r, json });
  });
  await page.route('**/webchat/receipt-status', (route) => route.fulfill({ json: { success: true, receipts: [{ message_id: m.message_id, status: 'failed', error: 'No signal' }] } }));
  await pixel.bring('+49 30 998', 'news, so that it polls');
  await comes(page, 'to nowhere', 'failed');
  await bubble(page, 'to nowhere').locator('.failure', { hasText: 'No signal' }).waitFor();
  assert.equal(await bubble(page, 'to nowhere').locator('.failure').getByRole('button', { name: 'Edit' }).count(), 0, 'what the relay has is not edited');
  await page.unroute('**/webchat/receipt-status');
  await page.unroute('**/webchat/poll');
  await bubble(page, 'to nowhere').locator('.failure').getByRole('button', { name: 'Try again' }).click();
  await comes(page, 'to nowhere', 'queued');
  const [again_] = await until('the phone is handed it again', async () => {
    const list = await pixel.claim();
    return list.length && list;
  });
  assert.notEqual(again_.message_id, m.message_id, 'as a message of its own');
  assert.equal(await page.locator('.msg').count(), 1);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('J9 an-answer-leaves-by-the-phone-it-came-by', async () => {
  const page = await signedIn(browser, relay, 'twophones', 'Two');
  const pixel = await phoneOf(page, 'pixel');
  const nokia = await phoneOf(page, 'nokia');
  await Promise.all([pixel.claim(), nokia.claim()]);
  // begun for any phone, answered by one
  await newTo(page, 'sms', '+49 30 55', '');
  await write(page, 'any phone');
  await comes(page, 'any phone', 'queued');
  await nokia.ack(await nokia.claim(), 'sent');
  await comes(page, 'any phone', 'sent');
  await nokia.bring('+49 30 55', 'by nokia');
  await bubble(page, 'by nokia').waitFor();
  await page.locator('.talk-head .sub', { hasText: 'SMS by nokia' }).waitFor();
  await write(page, 'back by nokia');
  await comes(page, 'back by nokia', 'queued');
  assert.deepEqual(await pixel.claim(), [], 'the other phone is not handed it');
  assert.deepEqual((await nokia.claim()).map((m) => m.text), ['back by nokia']);
  // then it comes by the other one: so does the next answer
  await pixel.bring('+49 30 55', 'by pixel');
  await bubble(page, 'by pixel').waitFor();
  await page.locator('.talk-head .sub', { hasText: 'SMS by pixel' }).waitFor();
  await write(page, 'back by pixel');
  await comes(page, 'back by pixel', 'queued');
  assert.deepEqual(await nokia.claim(), []);
  assert.deepEqual((await pixel.claim()).map((m) => m.text), ['back by pixel']);
  // a chat that is for one phone stays with it
  await newTo(page, 'sms', '+49 30 56', 'nokia');
  await write(page, 'only by nokia');
  await comes(page, 'only by nokia', 'queued');
  assert.deepEqual(await pixel.claim(), []);
  assert.deepEqual((await nokia.claim()).map((m) => m.text), ['only by nokia']);
  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('button', { name: 'New message to a phone or mail' }).click();
  assert.deepEqual(await page.locator('#out-phone option').allInnerTexts(), ['Any phone', 'nokia', 'pixel']);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('J9 subject-title-and-length', async () => {
  const page = await signedIn(browser, relay, 'subjects', 'Sub Ject');
  const pixel = await phoneOf(page, 'pixel');
  await page.keyboard.press('Control+Shift+O');
  await page.getByRole('button', { name: 'New message to a phone or mail' }).click();
  for (const [channel, to, words] of [['sms', 'somebody', 'That is no phone number.'], ['email', 'somebody', 'That is no e-mail address.'], ['wa', ' ', 'To whom?']]) {
    await page.locator('#out-channel').selectOption(channel);
    await page.locator('#out-to').fill(to);
    await page.locator('.form-foot button').click();
    await page.locator('.field-error', { hasText: words }).waitFor();
  }
  await newTo(page, 'email', 'Ben@Example.org');
  await page.getByLabel('Subject').fill('About Sunday');
  await write(page, 'Bring a jacket');
  await comes(page, 'Bring a jacket', 'queued');
  await newTo(page, 'notify');
  await page.getByLabel('Title').fill('Tea');
  await write(page, 'is ready');
  await comes(page, 'is ready', 'queued');
  assert.deepEqual((await pixel.claim()).map((m) => [m.channel, m.to, m.subject ?? m.title, m.text]).sort(), [['email', 'ben@example.org', 'About Sunday', 'Bring a jacket'], ['notify', '', 'Tea', 'is ready']].map((x) => (x[0] === 'notify' ? ['notify', 'me', 'Tea', 'is ready'] : x)));
  // the count follows the alphabet; files stay here
  await newTo(page, 'sms', '+49 30 57');
  for (const [text, words] of [['a'.repeat(161), '2 SMS, 145 characters left'], ['שלום', '1 SMS, 66 characters left · letters beyond the SMS alphabet leave less room']]) {
    await page.locator('#compose').fill(text);
    await page.locator('[data-parts]', { hasText: words }).waitFor();
  }
  assert.equal(await page.getByRole('button', { name: 'Attach' }).count(), 0);
  await page.locator('.compose').evaluate((el) => {
    const data = new DataTransfer();
    data.items.add(new File(['x'], 'x.txt'));
    el.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }));
  });
  await page.getByText('Only text leaves the relay, no files.').waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('J9 block-a-number-and-undo', async () => {
  const page = await signedIn(browser, relay, 'blocker', 'Blo Cker');
  const pixel = await phoneOf(page, 'pixel');
  await pixel.bring('+49 30 666', 'You have won!');
  await page.locator('.row', { hasText: 'You have won!' }).click();
  await bubble(page, 'You have won!').locator('.bubble').click({ button: 'right' });
  assert.deepEqual(await page.getByRole('menuitem', { name: 'Reply' }).count(), 0, 'nobody outside would see to what');
  await page.getByRole('menuitem', { name: 'Block +4930666' }).click();
  await page.getByText('The sender is not told.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
  await page.getByText('You blocked this number or address.').waitFor();
  await pixel.bring('0049 30 666', 'other spelling?');
  await pixel.bring('+4930666', 'once more');
  await pixel.bring('+4930667', 'somebody else');
  await page.locator('.row', { hasText: 'somebody else' }).waitFor();
  assert.equal(await bubble(page, 'once more').count(), 0);
  await settings(page, 'Privacy');
  const line = page.locator('.row-line', { hasText: '+4930666' });
  await line.getByRole('button', { name: 'Unblock' }).click();
  await line.waitFor({ state: 'detached' });
  await pixel.bring('+4930666', 'heard again');
  await page.locator('.row', { hasText: 'heard again' }).waitFor();
  await page.reload();
  await page.locator('.row', { hasText: 'heard again' }).click();
  await bubble(page, 'heard again').waitFor();
  assert.equal(await page.getByText('You blocked this number').count(), 0);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('keys-rotate-and-revoke', async () => {
  const page = await signedIn(browser, relay, 'keys', 'Ke Ys');
  const pixel = await phoneOf(page, 'pixel');
  assert.equal((await pixel.call('claim', {})).code, 200);
  const row = page.locator('[data-key-name="pixel"]');
  await row.getByText('carries messages').waitFor();
  await row.getByRole('button', { name: 'Actions for pixel' }).click();
  await page.getByRole('menuitem', { name: 'New key' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'New key' }).click();
  const second = phoneWith((await page.locator('.card .archive-key').innerText()).trim(), 'pixel');
  assert.notEqual(second.key, pixel.key);
  assert.equal((await pixel.call('claim', {})).code, 401);
  assert.equal((await second.call('claim', {})).code, 200);
  await row.getByRole('button', { name: 'Actions for pixel' }).click();
  await page.getByRole('menuitem', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await row.waitFor({ state: 'detached' });
  assert.equal(await page.locator('.card .archive-key').count(), 0, 'a key that is over is not shown any more');
  assert.equal((await second.call('claim', {})).code, 401);
  // one for a program: other scopes, no phone
  await page.locator('#key-for').selectOption('both');
  await page.locator('#phone-name').fill('backup');
  await button(page, 'Make a key').click();
  await page.locator('[data-key-name="backup"]', { hasText: 'sends, reads' }).waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('contacts-add-change-find-remove', async () => {
  const page = await signedIn(browser, relay, 'booker', 'Boo Ker');
  const pixel = await phoneOf(page, 'pixel');
  await pixel.bring('+49 30 123456', 'guess who');
  await page.locator('.row', { hasText: '+4930123456' }).waitFor();
  await settings(page, 'Contacts');
  await button(page, 'Add contact').click();
  await page.locator('#contact-name').fill('Anna Keller');
  await page.locator('#contact-address').fill('nothing');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByText('That is no phone number.').waitFor();
  await page.locator('#contact-address').fill('+49 30 123-456');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.locator('[data-contact="+4930123456"]').waitFor();
  await page.locator('.row .name', { hasText: 'Anna Keller' }).waitFor();
  await page.locator('[data-contact]').getByRole('button', { name: 'Actions for Anna Keller' }).click();
  await page.getByRole('menuitem', { name: 'Edit contact' }).click();
  await page.locator('#contact-name').fill('Anna K');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.locator('.row .name', { hasText: 'Anna K' }).filter({ hasNotText: 'Keller' }).waitFor();
  // a new phone brings the same number: the chat has the name from the beginning
  const nokia = await phoneOf(page, 'nokia');
  await nokia.bring('+4930123456', 'by another phone');
  await page.locator('.row', { hasText: 'by another phone' }).locator('.name', { hasText: 'Anna K' }).waitFor();
  await settings(page, 'Contacts');
  await page.getByPlaceholder('Search contacts').fill('nobody');
  await page.getByText('Found: 0').waitFor();
  await page.getByPlaceholder('Search contacts').fill('anna');
  await page.getByText('Found: 1').waitFor();
  await page.locator('[data-contact]').getByRole('button', { name: 'Actions for Anna K' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.locator('[data-contact]').waitFor({ state: 'detached' });
  await until('the chats are called by the number', async () => (await page.locator('.row .name', { hasText: '+4930123456' }).count()) === 2);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('[data-contact]').waitFor();
  await until('and by the name again', async () => (await page.locator('.row .name', { hasText: 'Anna K' }).count()) === 2);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('contacts-of-two-devices-come-together', async () => {
  const one = await signedIn(browser, relay, 'twice', 'Twi Ce');
  const other = await again('twice');
  await settings(one, 'Contacts');
  await button(one, 'Add contact').waitFor();
  await until('it is loaded', async () => !(await button(one, 'Add contact').isDisabled()));
  // between reading and writing of the page another device writes: the page's change is made again on top of it
  let n = 0;
  await one.route('**/webchat/contacts', async (route) => {
    if (route.request().method() === 'PUT' && n++ === 0) {
      const r = await other.call('PUT', '/api/v1/webchat/contacts', { contacts: [{ name: 'Ben', channel: 'email', address: 'ben@example.org' }] });
      assert.equal(r.status, 200);
    }
    await route.continue();
  });
  await button(one, 'Add contact').click();
  await one.locator('#contact-name').fill('Anna');
  await one.locator('#contact-address').fill('+4930123456');
  await one.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await one.locator('[data-contact="+4930123456"]').waitFor();
  assert.deepEqual((await book(other)).map((c) => c.name).sort(), ['Anna', 'Ben']);
  assert.equal(await one.locator('[data-contact]').count(), 2);
  // what another device changes shows by itself
  await other.call('PUT', '/api/v1/webchat/contacts', { contacts: [{ name: 'Mira', channel: 'pchat', address: 'mira' }] });
  await one.locator('[data-contact="mira"]').waitFor();
  assert.equal(await one.locator('[data-contact]').count(), 1);
  // an answer that is no list is never stored over the real one
  await one.unroute('**/webchat/contacts');
  await one.route('**/webchat/contacts', (route) => (route.request().method() === 'GET' ? route.fulfill({ status: 500, body: '{}' }) : route.continue()));
  await button(one, 'Add contact').click();
  await one.locator('#contact-address').fill('+4930777');
  await one.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await one.locator('.toast.bad').waitFor();
  assert.deepEqual((await book(other)).map((c) => c.name), ['Mira']);
  assert.deepEqual(one.faults, []);
  await one.context().close();
});

const csv = 'Name;Handy;E-Mail\r\nJörg Müller;0049 171 1234567;joerg@example.org\r\nAnna “A” Keller;+49 30 123456;\r\nOhne Nummer;;\r\n';
const cards = 'BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg\r\nTEL;CELL:+49 171 1234567\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:4.0\r\nFN:יוסף לוי\r\nTEL;VALUE=uri:tel:+972-50-123-4567\r\nEND:VCARD\r\n';
const xlsx = Buffer.from(
  zipSync({
    'xl/workbook.xml': strToU8('<workbook/>'),
    'xl/worksheets/sheet1.xml': strToU8('<worksheet><sheetData><row><c t="inlineStr"><is><t>Name</t></is></c><c t="inlineStr"><is><t>Phone</t></is></c></row><row><c><f>HYPERLINK("http://evil.example")</f></c><c t="inlineStr"><is><t>+33 1 23 45 67 89</t></is></c></row><row><c t="inlineStr"><is><t>Jörg M.</t></is></c><c><v>4.91711234567E11</v></c></row></sheetData></worksheet>'),
  }),
);
/** Windows-1252 has the quotation marks where Latin-1 has nothing. */
const cp1252 = (s) => Buffer.from(s.replaceAll('“', '\x93').replaceAll('”', '\x94'), 'latin1');

async function importing(page) {
  await settings(page, 'Contacts');
  await until('it is loaded', async () => !(await button(page, 'Import').isDisabled()));
  await button(page, 'Import').click();
  await page.locator('#import-file').waitFor({ state: 'attached' });
}
const give = (page, name, buffer) => page.locator('#import-file').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
async function take(page, n) {
  await page.locator(`[data-fresh="${n}"]`).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: `Import ${n}`, exact: true }).click();
  await page.getByText(`Imported: ${n}`).last().waitFor();
}

const files = { csv: ['people.csv', cp1252(csv)], vcf: ['people.vcf', Buffer.from(cards)], xlsx: ['people.xlsx', xlsx] };
// whichever comes first gives the name; the second file has the number of the first, and is told so
const orders = [
  [['csv', 3], ['vcf', 1], ['xlsx', 2]],
  [['vcf', 2], ['xlsx', 2], ['csv', 2]],
  [['xlsx', 2], ['csv', 3], ['vcf', 1]],
];
test('imports csv-vcf-xlsx', () => imports(0));
test('imports vcf-xlsx-csv', () => imports(1));
test('imports xlsx-csv-vcf', () => imports(2));

async function imports(i) {
  const page = await signedIn(browser, relay, `import${i}`, 'Im Porter');
  for (const [kind, n] of orders[i]) {
    await importing(page);
    await give(page, ...files[kind]);
    await take(page, n);
  }
  const list = await book(await again(`import${i}`));
  const names = Object.fromEntries(list.map((c) => [`${c.channel} ${c.address}`, c.name]));
  assert.equal(list.length, new Set(list.map((c) => c.channel + c.address)).size, 'nobody is there twice');
  assert.equal(names['sms +972501234567'], 'יוסף לוי');
  assert.equal(names['email joerg@example.org'], 'Jörg Müller');
  assert.equal(names['sms +4930123456'], 'Anna “A” Keller');
  assert.equal(names['sms +33123456789'], '=HYPERLINK("http://evil.example")');
  assert.equal(names['sms +491711234567'], 'Jörg Müller');
  await page.locator('[data-contact="+33123456789"]', { hasText: '=HYPERLINK' }).waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
}

test('imports that-mean-harm', async () => {
  const page = await signedIn(browser, relay, 'harm', 'Ha Rm');
  await importing(page);
  const alert = page.getByRole('dialog').getByRole('alert');
  const refused = async (name, buffer, words) => {
    await give(page, name, buffer);
    await alert.filter({ hasText: words }).waitFor();
  };
  await refused('bomb.xlsx', Buffer.from(zipSync({ 'xl/workbook.xml': strToU8('<workbook/>'), 'xl/worksheets/sheet1.xml': new Uint8Array(60 * 1024 * 1024) })), 'unpacks into far too much');
  await refused('broken.xlsx', xlsx.subarray(0, 200), 'damaged');
  await refused('old.xls', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1]), 'not read');
  await refused('empty.csv', Buffer.from('\n\n'), 'nothing in it');
  await refused('long.csv', Buffer.from('a,a@example.org\n'.repeat(5002)), 'More than 5,000');
  // 100 MB: refused by its size, without a byte being read
  await page.evaluate(() => {
    globalThis.reads = 0;
    for (const name of ['arrayBuffer', 'text', 'stream', 'slice']) {
      const real = Blob.prototype[name];
      Blob.prototype[name] = function (...a) {
        globalThis.reads++;
        return real.apply(this, a);
      };
    }
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(100 * 1024 * 1024)], 'huge.csv'));
    const input = document.querySelector('#import-file');
    input.files = data.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  });
  await alert.filter({ hasText: 'larger than' }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.reads), 0);
  // UTF-16, pasted text, columns chosen by hand
  await give(page, 'utf16.csv', Buffer.from('\ufeffשם,טלפון\nיוסף לוי,+972501234567\n', 'utf16le'));
  await page.locator('.preview', { hasText: 'יוסף לוי' }).waitFor();
  await button(page.getByRole('dialog'), 'Back').click();
  await page.locator('#import-text').fill('who\tx\tnumber\nBen\t1\t+49 30 1234567\n');
  await button(page, 'Look at it').click();
  await page.locator('[data-column="2"]').selectOption('wa');
  await page.locator('[data-column="0"]').selectOption('name');
  await take(page, 1);
  assert.deepEqual(await book(await again('harm')), [{ name: 'Ben', channel: 'wa', address: '+49301234567' }]);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('contacts-go-out-and-come-back', async () => {
  const page = await signedIn(browser, relay, 'exporter', 'Ex Porter');
  const own = await again('exporter');
  const list = [{ name: '=1+1', channel: 'email', address: 'a@example.org' }, { name: 'יוסף, "Y"; לוי', channel: 'sms', address: '+972501234567' }, { name: 'Mira', channel: 'pchat', address: 'mira' }];
  await own.call('PUT', '/api/v1/webchat/contacts', { contacts: list });
  await settings(page, 'Contacts');
  await page.locator('[data-contact="mira"]').waitFor();
  const saved = async (item) => {
    await button(page, 'Export').click();
    const [d] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: item }).click()]);
    return readFileSync(await d.path());
  };
  const out = [await saved('As a table (CSV)'), await saved('As cards (VCF)')];
  assert.match(out[0].toString(), /'=1\+1,email/);
  assert.match((await saved('A table to fill in')).toString(), /^\ufeffname,channel,address/);
  for (const bytes of out) {
    await own.call('PUT', '/api/v1/webchat/contacts', { contacts: [] });
    await page.getByText('No contacts yet.').waitFor();
    await importing(page);
    await give(page, 'back', bytes);
    await take(page, 3);
    const by = (a, b) => (a.address < b.address ? -1 : 1);
    assert.deepEqual((await book(own)).sort(by), [...list].sort(by));
  }
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('U27 axe outside-bridge-contacts', async () => {
  const page = await signedIn(browser, relay, 'looker', 'Loo Ker');
  const clean = async (name) => {
    const found = [];
    for (const [theme, dir] of [['light', 'ltr'], ['dark', 'rtl'], ['contrast-light', 'ltr'], ['contrast-dark', 'rtl']]) {
      await page.evaluate(([t, d]) => ((document.documentElement.dataset.theme = t), (document.documentElement.dir = d)), [theme, dir]);
      found.push(...(await axe(page)).map((v) => `${name} ${theme} ${dir}: ${v}`));
    }
    await page.evaluate(() => (document.documentElement.dir = 'ltr'));
    assert.deepEqual(found, []);
  };
  const pixel = await phoneOf(page, 'pixel');
  await clean('bridge');
  await page.locator('#phone-name').fill('nokia');
  await button(page, 'Make a key').click();
  await page.locator('.card .archive-key').waitFor();
  await clean('a key');
  await settings(page, 'Contacts');
  await page.getByText('No contacts yet.').waitFor();
  await clean('no contacts');
  await importing(page);
  await clean('import');
  await give(page, ...files.csv);
  await page.locator('.preview').waitFor();
  await clean('preview');
  await take(page, 3);
  await clean('contacts');
  await button(page, 'Add contact').click();
  await page.locator('#contact-name').waitFor();
  await clean('add contact');
  await page.keyboard.press('Escape');
  await pixel.bring('+4930123456', 'hello');
  await page.locator('.row', { hasText: 'hello' }).click();
  await write(page, 'hello too');
  await comes(page, 'hello too', 'queued');
  await page.locator('.outside-wait').waitFor();
  await page.locator('#compose').fill('שלום');
  await page.locator('[data-parts]').waitFor();
  await clean('a chat outside');
  await newTo(page, 'email', 'a@example.org');
  await page.locator('.subject-field').waitFor();
  await clean('mail');
  await page.context().close();
});

test('U30 outside-bridge-contacts-at-320', async () => {
  const page = await signedIn(browser, relay, 'narrow', 'Na Rrow', small);
  const fits = async (where) => assert.deepEqual(await tooWide(page), [], where);
  const own = await again('narrow');
  await own.call('PUT', '/api/v1/webchat/contacts', { contacts: [{ name: 'Somebody with a name that is longer than the telephone is wide', channel: 'email', address: 'somebody.with.a.long.address.too@example.org' }] });
  await page.evaluate(() => (location.hash = ''));
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav').getByRole('button', { name: 'Contacts' }).tap();
  await page.locator('[data-contact]').waitFor();
  await fits('contacts');
  await button(page, 'Import').tap();
  await fits('import');
  await give(page, ...files.csv);
  await page.locator('.preview').waitFor();
  await fits('preview');
  await take(page, 3);
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav').getByRole('button', { name: 'Advanced relay' }).tap();
  await page.locator('#phone-name').fill('a-phone-with-a-name-that-is-longer-than-others');
  await button(page, 'Make a key').tap();
  await page.locator('.card .archive-key').waitFor();
  await fits('bridge');
  await page.context().close();
});
