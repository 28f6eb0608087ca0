// Sending: nothing is lost, nothing goes twice, whatever the network does.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { bubble, holds, launch, signedIn, small, startProxy, startRelay, talkTo, until, write } from './lib.mjs';

const SEND = '/api/v1/messages';
let relay, proxy, browser, page, ben;

before(async () => {
  [relay, browser] = await Promise.all([startRelay(), launch()]);
  proxy = await startProxy(relay);
  ben = await relay.user('ben', 'Ben');
  page = await signedIn(browser, relay, 'mia', 'Mia', { url: proxy.page, to: 'ben' });
});
afterEach(() => {
  proxy.rule = () => undefined;
});
after(async () => {
  await browser?.close();
  await proxy?.stop();
  await relay?.stop();
});

const arrived = async (text) => (await ben.poll()).filter((m) => m.text === text);
const state = (text, ...wanted) => until(`${text} is ${wanted}`, async () => wanted.includes(await bubble(page, text).getAttribute('data-state')));
const menuOf = (text) => bubble(page, text).locator('.text').click({ button: 'right' });
const isSend = (c) => c.method === 'POST' && c.path === SEND;

test('U07 own-bubble-before-the-request-ends', async () => {
  proxy.rule = (c) => (isSend(c) ? { delay: 1500 } : undefined);
  await write(page, 'at once');
  await bubble(page, 'at once').waitFor({ timeout: 700 });
  assert.equal(await bubble(page, 'at once').getAttribute('data-state'), 'waiting');
  await state('at once', 'sent', 'delivered');
});

test('writing-goes-on-after-a-click-on-send', async () => {
  await page.locator('#compose').fill('by the button');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await bubble(page, 'by the button').waitFor();
  await page.keyboard.type('and on');
  await holds(page.locator('#compose'), 'and on');
  await page.locator('#compose').fill('');
});

test('a-reply-that-is-cancelled-leaves-the-focus-in-the-field', async () => {
  await state('by the button', 'sent', 'delivered');
  await menuOf('by the button');
  await page.getByRole('menuitem', { name: 'Reply' }).click();
  const cancel = page.locator('.about-line').getByRole('button', { name: 'Cancel' });
  await cancel.focus();
  await page.keyboard.press('Enter');
  await cancel.waitFor({ state: 'detached' });
  await until('the field has the focus', () => page.locator('#compose').evaluate((el) => el === document.activeElement));
});

test('letters-typed-after-a-click-on-a-message-are-written', async () => {
  await bubble(page, 'by the button').locator('.text').click();
  await page.keyboard.type('first line');
  await holds(page.locator('#compose'), 'first line');
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.locator('#compose').fill('');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.type('second');
  await holds(page.locator('#compose'), 'second');
  await page.locator('#compose').fill('');
});

test('emoji-do-not-bring-the-keys-of-a-telephone', async () => {
  const phone = await signedIn(browser, relay, 'pocket', 'Pocket', { ...small, viewport: { width: 400, height: 700 }, to: 'ben' });
  const focused = () => phone.locator('#compose').evaluate((el) => el === document.activeElement);
  await phone.getByRole('button', { name: 'Emoji', exact: true }).tap();
  await phone.locator('.emoji').first().tap();
  await until('it is in the text', async () => (await phone.locator('#compose').inputValue()) !== '');
  assert.equal(await focused(), false);
  await phone.getByRole('button', { name: 'Send', exact: true }).tap();
  await phone.locator('.msg.mine').waitFor();
  assert.equal(await focused(), false);
  await phone.context().close();
});

test('U09 answer-lost-is-one-message', async () => {
  let lost = 0;
  const bodies = [];
  proxy.rule = (c) => {
    if (!isSend(c)) return undefined;
    bodies.push(c.body);
    return lost++ < 2 ? 'lose' : undefined;
  };
  await write(page, 'only once');
  await state('only once', 'sent', 'delivered');
  assert.ok(bodies.length >= 3, 'it was tried again');
  assert.equal(new Set(bodies).size, 1, 'the same bytes on every try');
  assert.equal((await arrived('only once')).length, 1);
  assert.equal(await bubble(page, 'only once').count(), 1);
});

test('a-call-that-is-doubled-is-one-message', async () => {
  proxy.rule = (c) => (isSend(c) ? 'double' : undefined);
  await write(page, 'not twice');
  await state('not twice', 'sent', 'delivered');
  assert.equal((await arrived('not twice')).length, 1);
});

test('an-answer-that-breaks-off-is-asked-again', async () => {
  let cut = 0;
  proxy.rule = (c) => ((isSend(c) || c.path.endsWith('/poll')) && cut++ < 3 ? 'cut' : undefined);
  await write(page, 'half an answer');
  await state('half an answer', 'sent', 'delivered');
  await ben.send('mia', 'and one back');
  await bubble(page, 'and one back').waitFor();
  assert.equal((await arrived('half an answer')).length, 1);
});

test('a-relay-that-is-busy-is-waited-for', async () => {
  let busy = 0;
  proxy.rule = (c) => (isSend(c) && busy++ < 1 ? { status: 503, headers: { 'Retry-After': '1' }, body: { success: false, error: 'busy', message: 'Busy.' } } : undefined);
  await write(page, 'when you can');
  await state('when you can', 'sent', 'delivered');
  assert.equal(busy, 2);
});

test('U08 offline-reload-once-in-order', async () => {
  const context = page.context();
  proxy.rule = () => 'drop';
  await context.setOffline(true);
  for (const text of ['one of three', 'two of three', 'three of three']) await write(page, text);
  await state('three of three', 'waiting');
  await page.getByText('Not connected. What you write is sent later.').waitFor();
  await context.setOffline(false);
  proxy.rule = (c) => (c.path.startsWith('/app/') || c.path.endsWith('/config') ? undefined : 'drop');
  await page.reload();
  await bubble(page, 'three of three').waitFor();
  assert.equal(await bubble(page, 'one of three').getAttribute('data-state'), 'waiting');
  proxy.rule = () => undefined;
  await state('three of three', 'sent', 'delivered');
  const got = (await ben.poll()).map((m) => m.text).filter((x) => x.endsWith('of three'));
  assert.deepEqual(got, ['one of three', 'two of three', 'three of three']);
});

test('U10 refused-keeps-text', async () => {
  proxy.rule = (c) => (isSend(c) ? { status: 403, body: { success: false, error: 'no_write_right', message: 'No.' } } : undefined);
  await write(page, 'please take it');
  await state('please take it', 'failed');
  await bubble(page, 'please take it').getByText('You may not write here.').waitFor();
  proxy.rule = () => undefined;
  await bubble(page, 'please take it').getByRole('button', { name: 'Edit' }).click();
  await holds(page.locator('#compose'), 'please take it');
  await page.locator('#compose').press('Escape');
  await bubble(page, 'please take it').getByRole('button', { name: 'Try again' }).click();
  await state('please take it', 'sent', 'delivered');
  assert.equal((await arrived('please take it')).length, 1);
});

test('editing-a-message-that-waits-changes-what-is-sent', async () => {
  proxy.rule = (c) => (isSend(c) ? 'drop' : undefined);
  await page.context().setOffline(true);
  await write(page, 'first words');
  await state('first words', 'waiting');
  await page.locator('#compose').press('ArrowUp');
  await page.locator('#compose').fill('better words');
  await page.locator('#compose').press('Enter');
  await bubble(page, 'better words').waitFor();
  proxy.rule = () => undefined;
  await page.context().setOffline(false);
  await state('better words', 'sent', 'delivered');
  const got = await ben.poll();
  assert.ok(!got.some((m) => m.text === 'first words'));
});

/** What the relay is sent waits from now on; the function that comes back lets it go. */
function held() {
  let release;
  const gate = new Promise((done) => (release = done));
  proxy.rule = (c) => (isSend(c) ? gate : undefined);
  return () => release(undefined);
}
/** What Ben has of it now. */
const has = async (id) => (await ben.call('GET', `/api/v1/messages/${id}`)).message;

test('an-edit-begins-and-ends-before-the-next-key', async () => {
  await write(page, 'quick as they come');
  await state('quick as they come', 'sent', 'delivered');
  const pressed = (key) =>
    page.locator('#compose').evaluate(async (el, key) => {
      el.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
      for (let i = 0; i < 50; i++) await null; // no task in between
      return el.value;
    }, key);
  assert.equal(await pressed('ArrowUp'), 'quick as they come');
  assert.equal(await pressed('Escape'), '');
});

test('words-that-were-being-changed-as-the-message-left-are-changed-for-everybody', async () => {
  const release = held();
  await write(page, 'frist draft');
  await state('frist draft', 'waiting');
  await page.locator('#compose').press('ArrowUp');
  await holds(page.locator('#compose'), 'frist draft');
  release();
  await state('frist draft', 'sent', 'delivered');
  const [{ message_id }] = await arrived('frist draft');
  await ben.send('mia', '👍', { kind: 'reaction', reply_to: message_id });
  await bubble(page, 'frist draft').getByRole('button', { name: /👍/ }).waitFor();
  await page.locator('#compose').fill('first draft');
  await page.locator('#compose').press('Enter');
  await bubble(page, 'first draft').getByRole('button', { name: /👍/ }).waitFor();
  await state('first draft', 'sent', 'delivered');
  await until('they reach Ben', async () => (await has(message_id)).text === 'first draft');
});

test('a-message-that-left-while-its-menu-was-open-is-taken-back-from-everybody', async () => {
  const release = held();
  await write(page, 'not for you');
  await state('not for you', 'waiting');
  await menuOf('not for you');
  const away = page.getByRole('menuitem', { name: 'Delete' });
  await away.waitFor();
  release();
  await state('not for you', 'sent', 'delivered');
  await away.click();
  await until('it is taken back', () => proxy.seen.some((c) => c.method === 'DELETE' && c.status === 200));
  assert.deepEqual(await arrived('not for you'), []);
});

test('words-under-a-file-are-changed-while-it-goes-up', async () => {
  let release;
  const gate = new Promise((done) => (release = done));
  proxy.rule = (c) => (c.method === 'PUT' ? gate : undefined);
  await page.locator('.compose input[type="file"]').setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('abc') });
  await page.locator('.staged-file').waitFor();
  await write(page, 'cpation');
  await until('it goes up', () => proxy.seen.some((c) => c.method === 'PUT'));
  await page.locator('#compose').press('ArrowUp');
  await holds(page.locator('#compose'), 'cpation');
  await page.locator('#compose').fill('caption');
  await page.locator('#compose').press('Enter');
  await bubble(page, 'caption').waitFor();
  release();
  await state('caption', 'sent', 'delivered');
  assert.equal((await arrived('caption')).length, 1);
});

test('a-message-to-oneself-is-one-message-though-it-comes-back-before-the-answer', async () => {
  await page.getByRole('button', { name: 'New chat', exact: true }).first().click();
  await page.getByRole('button', { name: 'Saved messages' }).click();
  let release;
  const answer = new Promise((done) => (release = done));
  proxy.rule = (c) => (isSend(c) ? { answer } : undefined);
  await write(page, 'note to self');
  const polls = proxy.count('POST', '/poll');
  await until('it comes back', () => proxy.count('POST', '/poll') > polls + 1);
  release();
  await state('note to self', 'sent', 'delivered', 'read');
  assert.equal(await bubble(page, 'note to self').count(), 1);
  await talkTo(page, 'ben');
});

test('a-refused-message-is-sent-once-whoever-presses-twice', async () => {
  proxy.rule = (c) => (isSend(c) ? { status: 403, body: { success: false, error: 'no_write_right', message: 'No.' } } : undefined);
  await write(page, 'once is enough');
  await state('once is enough', 'failed');
  const release = held();
  await bubble(page, 'once is enough').getByRole('button', { name: 'Try again' }).evaluate((el) => (el.click(), el.click()));
  release();
  await state('once is enough', 'sent', 'delivered');
  await write(page, 'and on it goes');
  await state('and on it goes', 'sent', 'delivered');
  assert.deepEqual((await ben.poll()).map((m) => m.text), ['once is enough', 'and on it goes']);
  assert.equal(await bubble(page, 'once is enough').count(), 1);
});

test('words-of-a-refused-message-are-changed-and-it-goes', async () => {
  proxy.rule = (c) => (isSend(c) ? { status: 403, body: { success: false, error: 'no_write_right', message: 'No.' } } : undefined);
  await write(page, 'too bad');
  await state('too bad', 'failed');
  proxy.rule = () => undefined;
  await bubble(page, 'too bad').getByRole('button', { name: 'Edit' }).click();
  await page.locator('#compose').fill('good enough');
  await page.locator('#compose').press('Enter');
  await state('good enough', 'sent', 'delivered');
  assert.deepEqual((await ben.poll()).map((m) => m.text), ['good enough']);
});

test('a-refused-message-that-is-deleted-leaves-nothing', async () => {
  proxy.rule = (c) => (isSend(c) ? { status: 403, body: { success: false, error: 'no_write_right', message: 'No.' } } : undefined);
  await write(page, 'never mind');
  await state('never mind', 'failed');
  await menuOf('never mind');
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await bubble(page, 'never mind').waitFor({ state: 'detached' });
  assert.equal(await page.locator('.msg').last().getAttribute('data-state') === 'failed', false);
});

test('what-waits-in-a-chat-that-is-cleared-is-not-sent', async () => {
  await page.getByRole('button', { name: 'New chat', exact: true }).first().click();
  await page.getByRole('button', { name: 'Saved messages', exact: true }).click();
  proxy.rule = (c) => (isSend(c) ? 'drop' : undefined);
  await write(page, 'better not');
  await state('better not', 'waiting');
  await page.locator('.row', { hasText: 'better not' }).click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Clear on this device' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Clear', exact: true }).click();
  await bubble(page, 'better not').waitFor({ state: 'detached' });
  await page.locator('.row', { hasText: 'better not' }).waitFor({ state: 'detached' });
  const from = proxy.seen.length;
  proxy.rule = () => undefined;
  await write(page, 'all right');
  await state('all right', 'sent', 'delivered', 'read');
  await talkTo(page, 'ben');
  await write(page, 'here as well');
  await state('here as well', 'sent', 'delivered');
  assert.deepEqual(proxy.seen.slice(from).filter(isSend).map((c) => JSON.parse(c.body).text), ['all right', 'here as well']);
});

test('a-message-is-forwarded-with-its-file-and-not-once-it-is-withdrawn', async () => {
  const pass = async (text, meanwhile = () => undefined) => {
    await menuOf(text);
    await page.getByRole('menuitem', { name: 'Forward' }).click();
    const pick = page.getByRole('dialog').getByRole('button', { name: 'Saved' });
    await pick.waitFor();
    await meanwhile();
    await pick.click();
  };
  await ben.send('mia', 'pass it on', { attachments: [await ben.upload('map.txt', 'to the lake', 'text/plain')] });
  await bubble(page, 'pass it on').waitFor();
  await pass('pass it on');
  await page.getByText('Forwarded', { exact: true }).waitFor();
  const { message_id } = await ben.send('mia', 'not so fast');
  await bubble(page, 'not so fast').waitFor();
  await pass('not so fast', async () => {
    await ben.call('DELETE', `/api/v1/messages/${message_id}`);
    await bubble(page, 'not so fast').waitFor({ state: 'detached' });
  });
  await page.locator('.toast', { hasText: 'Message withdrawn' }).waitFor();
  await page.locator('.row', { hasText: 'Saved' }).click();
  await state('pass it on', 'sent', 'delivered', 'read');
  assert.match(await bubble(page, 'pass it on').innerText(), /map\.txt/);
  assert.equal(await bubble(page, 'not so fast').count(), 0);
  await talkTo(page, 'ben');
});

test('key-older-than-23h-asks', async () => {
  proxy.rule = (c) => (isSend(c) ? 'lose' : undefined);
  await write(page, 'did it arrive');
  await until('it was tried', () => proxy.seen.some((c) => isSend(c) && c.body.includes('did it arrive')));
  const age = () =>
    page.evaluate(async () => {
      const name = (await indexedDB.databases()).map((d) => d.name).find((n) => n.startsWith('webchat:'));
      const db = await new Promise((d) => (indexedDB.open(name).onsuccess = (e) => d(e.target.result)));
      const tx = db.transaction('job', 'readwrite');
      const rows = await new Promise((d) => (tx.objectStore('job').getAll().onsuccess = (e) => d(e.target.result)));
      for (const r of rows) if (r.v.firstTry) tx.objectStore('job').put({ ...r, v: { ...r.v, firstTry: Date.now() - 24 * 3600e3, nextTry: 0 } });
      await new Promise((d) => (tx.oncomplete = d));
      db.close();
      return rows.some((r) => r.v.firstTry);
    });
  const asks = () => bubble(page, 'did it arrive').getByText('It is not known whether this arrived.').waitFor({ timeout: 5000 }).then(() => true, () => false);
  // a try that is under way may write the record as it was
  await until('the record is old', async () => (await age()) && (await page.reload(), await asks()));
  proxy.rule = () => undefined;
  await state('did it arrive', 'unsure');
  const before = proxy.seen.filter(isSend).length;
  await page.waitForTimeout(700);
  assert.equal(proxy.seen.filter(isSend).length, before, 'nothing is sent by itself');
  await bubble(page, 'did it arrive').getByRole('button', { name: 'Delete' }).click();
});

test('U11 ime-enter-never-sends', async () => {
  const field = page.locator('#compose');
  await field.fill('にほん');
  const before = proxy.seen.filter(isSend).length;
  await field.evaluate((el) => {
    el.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }));
    el.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }));
  });
  await page.waitForTimeout(200);
  assert.equal(await field.inputValue(), 'にほん');
  assert.equal(proxy.seen.filter(isSend).length, before);
  await field.fill('');
});

test('U12 drafts-survive-reload-and-switch', async () => {
  await page.locator('#compose').fill('half a thought');
  await page.reload();
  await holds(page.locator('#compose'), 'half a thought');
  await page.keyboard.press('Escape');
  await page.locator('.row .draft').waitFor();
  await page.locator('.row', { hasText: 'Ben' }).click();
  await holds(page.locator('#compose'), 'half a thought');
  await page.locator('#compose').fill('');
});

test('U12 a-draft-survives-a-page-that-goes-while-it-is-written', async () => {
  await page.evaluate(async () => {
    // somebody else holds the store of drafts, so what is written waits in its queue
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise((done, fail) => Object.assign(indexedDB.open(name), { onsuccess: (e) => done(e.target.result), onerror: fail }));
      if (!db.objectStoreNames.contains('draft')) continue;
      const store = db.transaction('draft', 'readwrite').objectStore('draft');
      const hold = () => (store.get('').onsuccess = hold);
      hold();
    }
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...a) {
      globalThis.hasPut = globalThis.hasPut || this.name === 'draft';
      return put.apply(this, a);
    };
  });
  await page.locator('#compose').fill('another thought');
  await until('it is being written', () => page.evaluate(() => globalThis.hasPut));
  await page.reload();
  await holds(page.locator('#compose'), 'another thought');
  await page.locator('#compose').fill('');
});

test('U21 a-message-comes-within-a-poll-without-a-stream', async () => {
  await ben.send('mia', 'no stream needed');
  await bubble(page, 'no stream needed').waitFor({ timeout: 5000 });
});

test('U05 at-most-300-rows-in-the-page-and-U06 no-timer-under-a-second', async () => {
  const timers = await page.evaluate(() => new Promise((done) => {
    const found = [];
    const real = globalThis.setInterval;
    globalThis.setInterval = (f, ms, ...a) => (found.push(ms), real(f, ms, ...a));
    setTimeout(() => done(found.filter((x) => x < 1000)), 1500);
  }));
  assert.deepEqual(timers, []);
  assert.deepEqual(page.faults, []);
});
