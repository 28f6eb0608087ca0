// The address book: by hand, of two devices, from files and into files, in a real browser over a real relay.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, leave, signedIn, startRelay, top, until } from './lib.mjs';
import { book, button, files, give, importing, phoneOf, settings, take, xlsx } from './outside.mjs';

const { zipSync, strToU8 } = createRequire(join(top, 'web/package.json'))('fflate');
let relay, browser;

before(async () => ([relay, browser] = await Promise.all([startRelay(), launch()])));
after(async () => {
  await browser?.close();
  await relay?.stop();
});

test('contacts-add-change-find-remove', async () => {
  const page = await signedIn(browser, relay, 'booker', 'Boo Ker');
  const pixel = await phoneOf(relay, page, 'pixel');
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
  const nokia = await phoneOf(relay, page, 'nokia');
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
  await leave(page);
});

test('contacts-of-two-devices-come-together', async () => {
  const one = await signedIn(browser, relay, 'twice', 'Twi Ce');
  const other = await relay.user('twice');
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
  await leave(one);
});

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
  const list = await book(await relay.user(`import${i}`));
  const names = Object.fromEntries(list.map((c) => [`${c.channel} ${c.address}`, c.name]));
  assert.equal(list.length, new Set(list.map((c) => c.channel + c.address)).size, 'nobody is there twice');
  assert.equal(names['sms +972501234567'], 'יוסף לוי');
  assert.equal(names['email joerg@example.org'], 'Jörg Müller');
  assert.equal(names['sms +4930123456'], 'Anna “A” Keller');
  assert.equal(names['sms +33123456789'], '=HYPERLINK("http://evil.example")');
  assert.equal(names['sms +491711234567'], 'Jörg Müller');
  await page.locator('[data-contact="+33123456789"]', { hasText: '=HYPERLINK' }).waitFor();
  assert.deepEqual(page.faults, []);
  await leave(page);
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
  assert.deepEqual(await book(await relay.user('harm')), [{ name: 'Ben', channel: 'wa', address: '+49301234567' }]);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('contacts-go-out-and-come-back', async () => {
  const page = await signedIn(browser, relay, 'exporter', 'Ex Porter');
  const own = await relay.user('exporter');
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
    await until('they are on the relay', async () => (await book(own)).length === list.length);
    assert.deepEqual((await book(own)).sort(by), [...list].sort(by));
  }
  assert.deepEqual(page.faults, []);
  await leave(page);
});

