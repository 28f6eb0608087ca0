// Messages to the outside: phones and their keys, states in words, blocks, in a real browser over a real relay.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axeInThemes, bubble, launch, leave, signedIn, small, startRelay, tooWide, until, write } from './lib.mjs';
import { button, comes, files, give, importing, newTo, phoneOf, phoneWith, settings, state, take } from './outside.mjs';

let relay, browser;

before(async () => ([relay, browser] = await Promise.all([startRelay(), launch()])));
after(async () => {
  await browser?.close();
  await relay?.stop();
});

test('J9 states-of-a-message-in-words', async () => {
  const page = await signedIn(browser, relay, 'states', 'Sta Tes');
  await newTo(page, 'sms', '+49 30 123456');
  await write(page, 'before any phone');
  await comes(page, 'before any phone', 'queued');
  await page.locator('.outside-wait.bad', { hasText: 'No phone fetches messages yet.' }).waitFor();
  const pixel = await phoneOf(relay, page, 'pixel');
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
  await leave(page);
});

test('J9 no-phone-has-fetched-this', async () => {
  const page = await signedIn(browser, relay, 'silent', 'Si Lent');
  const pixel = await phoneOf(relay, page, 'pixel');
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
  await leave(page);
});

test('J9 failed-says-why-and-goes-again', async () => {
  const page = await signedIn(browser, relay, 'failing', 'Fai Ling');
  const pixel = await phoneOf(relay, page, 'pixel');
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
  const [second] = await until('the phone is handed it again', async () => {
    const list = await pixel.claim();
    return list.length && list;
  });
  assert.notEqual(second.message_id, m.message_id, 'as a message of its own');
  assert.equal(await page.locator('.msg').count(), 1);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('J9 an-answer-leaves-by-the-phone-it-came-by', async () => {
  const page = await signedIn(browser, relay, 'twophones', 'Two');
  const pixel = await phoneOf(relay, page, 'pixel');
  const nokia = await phoneOf(relay, page, 'nokia');
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
  await leave(page);
});

test('J9 subject-title-and-length', async () => {
  const page = await signedIn(browser, relay, 'subjects', 'Sub Ject');
  const pixel = await phoneOf(relay, page, 'pixel');
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
  await leave(page);
});

test('J9 block-a-number-and-undo', async () => {
  const page = await signedIn(browser, relay, 'blocker', 'Blo Cker');
  const pixel = await phoneOf(relay, page, 'pixel');
  await pixel.bring('+49 30 666', 'You have won!');
  await page.locator('.row', { hasText: 'You have won!' }).click();
  await bubble(page, 'You have won!').locator('.bubble').click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Block +4930666' }).waitFor();
  assert.equal(await page.getByRole('menuitem', { name: 'Reply' }).count(), 0, 'nobody outside would see to what');
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
  await leave(page);
});

test('keys-rotate-and-revoke', async () => {
  const page = await signedIn(browser, relay, 'keys', 'Ke Ys');
  const pixel = await phoneOf(relay, page, 'pixel');
  assert.equal((await pixel.call('claim', {})).code, 200);
  const row = page.locator('[data-key-name="pixel"]');
  await row.getByText('carries messages').waitFor();
  await row.getByRole('button', { name: 'Actions for pixel' }).click();
  await page.getByRole('menuitem', { name: 'New key' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'New key' }).click();
  const second = phoneWith(relay, (await page.locator('.card .archive-key').innerText()).trim(), 'pixel');
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
  await leave(page);
});

test('U27 axe outside-bridge-contacts', async () => {
  const page = await signedIn(browser, relay, 'looker', 'Loo Ker');
  const clean = async (name) => assert.deepEqual(await axeInThemes(page, name), []);
  const pixel = await phoneOf(relay, page, 'pixel');
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
  await leave(page);
});

test('U30 outside-bridge-contacts-at-320', async () => {
  const page = await signedIn(browser, relay, 'narrow', 'Na Rrow', small);
  const fits = async (where) => assert.deepEqual(await tooWide(page), [], where);
  const own = await relay.user('narrow');
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
  await leave(page);
});
