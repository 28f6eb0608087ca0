// The journeys without a mouse: every place is reached by keys, the focus can be seen, and it is never lost on the way.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { bubble, byKeys, holds, launch, leave, open, signedIn, startProxy, startRelay, until } from './lib.mjs';

let relay, browser;
before(async () => {
  [relay, browser] = await Promise.all([startRelay({ PCHAT_ADMIN_EMAILS: 'olga@example.org' }), launch()]);
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});

const button = (page, name, exact = true) => page.getByRole('button', { name, exact });
const compose = (page) => page.locator('#compose');
const sent = (page, text) => until(`${text} is sent`, async () => ['sent', 'delivered', 'read'].includes(await bubble(page, text).first().getAttribute('data-state')));

/** The sign-in screen, by keys. */
async function enter(page, address, name) {
  const k = byKeys(page);
  await k.on(page.locator('#email'));
  await k.type(`${address}@example.org`);
  await k.press('Enter');
  await k.on(page.locator('#code'));
  await until('the code is filled in', async () => (await page.locator('#code').inputValue()).length === 6);
  await k.do(page.locator('summary', { hasText: 'First time here?' }));
  await k.to(page.locator('#name'));
  await k.type(name);
  await holds(page.locator('#address'), name.toLowerCase().replace(/\W+/g, '-'));
  await k.to(page.locator('#address'));
  await k.press('Control+a');
  await k.type(address);
  await k.press('Enter');
  await page.locator('.list').waitFor();
  return k;
}
/** The browser hands its file choosers over from now on: a key would be quicker than asking it for the next one. */
const picksFiles = (page) => page.on('filechooser', () => undefined);
/** Somebody who comes by the sign-in screen. */
async function newcomer(address, name, o = {}) {
  const page = await open(browser, relay.page, o);
  picksFiles(page);
  return [page, await enter(page, address, name)];
}
/** Somebody who is signed in, at `at` if not at the relay of all. */
async function person(address, name, { at = relay, ...o } = {}) {
  const page = await signedIn(browser, at, address, name, o);
  picksFiles(page);
  return [page, byKeys(page)];
}
/** Opens a chat by the directory, from wherever one is. */
async function talk(page, k, address) {
  await k.press('Control+Shift+O');
  await k.on(page.getByPlaceholder('Name or chat address'));
  await k.type(address);
  await until('only they are left', async () => (await page.locator('[data-person]').count()) === 1 && (await page.locator(`[data-person="${address}"]`).count()) === 1);
  await k.press('ArrowDown', 'Enter');
  await k.on(compose(page));
}
async function settings(page, k, name) {
  await k.press('Control+,');
  await k.kept();
  await k.to(page.locator('.settings-nav button').first());
  await k.to(page.locator('.settings-nav button', { hasText: name }), 'ArrowDown', 10);
  await k.press('Enter');
}
async function write(page, k, text) {
  await k.on(compose(page));
  await k.type(text);
  await k.press('Enter');
}
const done = async (...pages) => {
  assert.deepEqual(pages.flatMap((p) => p.faults), []);
  await leave(...pages);
};

test('J1 by-keyboard-alone', async () => {
  const ben = await relay.user('ben1', 'Ben Okri');
  const [page, k] = await newcomer('mia1', 'Mia Santos');
  await k.kept();
  await k.do(button(page, 'Find people'));
  await k.on(page.getByPlaceholder('Name or chat address'));
  await k.to(page.locator('[data-person="ben1"]'), 'ArrowDown', 20);
  await k.press('Enter');
  await write(page, k, 'Hello Ben');
  await sent(page, 'Hello Ben');
  await ben.send('mia1', 'Hello Mia');
  await bubble(page, 'Hello Mia').waitFor();
  await k.on(compose(page));
  await done(page);
});

test('J1 a-wrong-code-by-keyboard-alone', async () => {
  const page = await open(browser, relay.page);
  const k = byKeys(page);
  await k.on(page.locator('#email'));
  await k.type('not an address');
  await k.press('Enter');
  await page.getByRole('alert').waitFor();
  await k.on(page.locator('#email'));
  await k.press('Control+a');
  await k.type('late@example.org');
  await k.press('Enter');
  await k.on(page.locator('#code'));
  await k.press('Control+a');
  await k.type('000000');
  await k.press('Enter');
  await page.getByText('That code is wrong or too old.').waitFor();
  await k.on(page.locator('#code'));
  await k.do(button(page, 'Back'));
  await k.on(page.locator('#email'));
  await done(page);
});

test('J2 by-keyboard-alone', async () => {
  const ben = await relay.user('ben2', 'Ben');
  const [first, k] = await newcomer('noor', 'Noor', { acceptDownloads: true });
  await talk(first, k, 'ben2');
  await write(first, k, 'remember this');
  await sent(first, 'remember this');
  await ben.send('noor', 'I do');
  await bubble(first, 'I do').waitFor();
  await settings(first, k, 'Privacy and this device');
  await k.to(button(first, 'Make the file'));
  const [download] = await Promise.all([first.waitForEvent('download'), k.press('Enter')]);
  const key = await first.locator('.archive-key').innerText();
  await k.press('Escape');
  await k.on(button(first, 'Make the file'));
  const [second, k2] = await newcomer('noor', 'Noor');
  await k2.do(button(second, 'Bring my history'));
  await k2.kept();
  await k2.to(button(second, 'Bring from a file'));
  const [chooser] = await Promise.all([second.waitForEvent('filechooser'), k2.press('Enter')]);
  await chooser.setFiles({ name: 'h.webchat', mimeType: 'application/octet-stream', buffer: readFileSync(await download.path()) });
  await k2.on(second.locator('#archive-key'));
  await k2.type(key);
  await k2.press('Enter');
  await second.getByText('2 messages were brought').waitFor();
  await k2.kept();
  await k2.press('Control+k');
  await k2.press('ArrowDown');
  await k2.on(second.locator('.row', { hasText: 'Ben' }));
  await k2.press('Enter');
  await bubble(second, 'remember this').waitFor();
  await done(first, second);
});

test('J3 by-keyboard-alone', async () => {
  const [anna, a] = await person('anna', 'Anna');
  await a.press('Control+Shift+O');
  await a.on(anna.getByPlaceholder('Name or chat address'));
  await a.to(button(anna, 'New group'), 'ArrowDown', 1);
  await a.press('Enter');
  await a.on(anna.locator('#group-name'));
  await a.type('Hikers');
  await a.to(anna.locator('#group-visibility'));
  await a.type('Pub');
  await a.do(button(anna, 'Create group'));
  await a.on(compose(anna));
  const [ben, b] = await person('ben3', 'Ben Three');
  await b.press('Control+Shift+O');
  await b.to(ben.locator('.page-body .row-button', { hasText: 'Hikers' }));
  await b.press('Enter');
  await ben.locator('.pill', { hasText: 'Asked' }).waitFor();
  await b.kept();
  const letIn = anna.locator('.actions').getByRole('button', { name: 'Let in' });
  await letIn.waitFor();
  await a.to(letIn, 'Shift+Tab');
  await a.press('Enter');
  await anna.locator('.decided', { hasText: 'Let in' }).waitFor();
  await a.kept();
  await b.press('Control+k');
  await b.to(ben.locator('.row', { hasText: 'Hikers' }), 'ArrowDown', 5);
  await b.press('Enter');
  await write(ben, b, 'hello hikers');
  await bubble(anna, 'hello hikers').waitFor();
  await a.press('Control+Shift+I');
  await until('the focus is in the panel', () => anna.evaluate(() => !!document.activeElement.closest('.info')));
  const row = anna.locator('.info .row-button', { hasText: 'Ben Three' });
  await a.do(row);
  await a.to(anna.getByRole('menuitem', { name: 'Make owner' }), 'ArrowDown', 6);
  await a.press('Enter');
  await a.on(button(anna, 'Hand over'));
  await a.press('Enter');
  await row.locator('.pill', { hasText: 'owner' }).waitFor();
  await a.kept();
  await a.do(anna.locator('.info').getByRole('button', { name: 'Leave group' }));
  await a.on(anna.getByRole('dialog').getByRole('button', { name: 'Leave group' }));
  await a.press('Enter');
  await anna.locator('.read-only', { hasText: 'You are not in this group any more.' }).waitFor();
  await a.kept();
  await a.press('Escape');
  await until('the panel is closed', async () => (await anna.locator('.info').count()) === 0);
  await a.kept();
  await done(anna, ben);
});

test('J4 by-keyboard-alone', async () => {
  const boss = await relay.user('boss', 'Boss');
  const [page, k] = await person('reader', 'Reader');
  const { group_id } = await boss.call('POST', '/api/v1/webchat/groups', { name: 'News', mode: 'chat' });
  await boss.call('POST', `/api/v1/webchat/groups/${group_id}/members`, { chat_address: 'reader' });
  await page.locator('.row', { hasText: 'News' }).waitFor();
  await k.press('Control+k', 'ArrowDown', 'Enter');
  await page.getByText('You are invited.').waitFor();
  await k.kept();
  await k.do(page.locator('.actions').getByRole('button', { name: 'Accept' }));
  await compose(page).waitFor();
  await k.kept();
  await k.to(compose(page));
  await k.type('I wanted to say');
  await boss.call('PATCH', `/api/v1/webchat/groups/${group_id}`, { mode: 'stream' });
  await page.getByText('Only writers post here').waitFor();
  await page.getByText('What you wrote here is kept.').waitFor();
  await boss.send(group_id, 'first news');
  await bubble(page, 'first news').waitFor();
  await boss.call('PATCH', `/api/v1/webchat/groups/${group_id}/members/reader`, { role: 'writer' });
  await compose(page).waitFor();
  await holds(compose(page), 'I wanted to say');
  await k.to(compose(page));
  await k.press('Enter');
  await sent(page, 'I wanted to say');
  await done(page);
});

test('J5 by-keyboard-alone', async () => {
  const ben = await relay.user('ben5', 'Ben');
  const [page, k] = await person('mia5', 'Mia');
  await page.context().grantPermissions(['microphone']);
  await talk(page, k, 'ben5');
  await k.do(button(page, 'Record a voice message'));
  await k.on(page.locator('.box.recording .main'));
  await until('a second is recorded', async () => (await page.locator('.rec-time').innerText()) >= '0:01');
  await k.to(button(page, 'Stop and listen'), 'Shift+Tab', 5);
  await k.press('Enter');
  await button(page, 'Listen').waitFor();
  await k.kept();
  await k.do(button(page, 'Listen'));
  await k.do(page.locator('.box.recording .main'));
  assert.ok(await until('it arrives', async () => (await ben.poll()).find((m) => m.kind === 'voice')));
  await k.on(compose(page));
  await k.do(button(page, 'Record a voice message'));
  await k.on(page.locator('.box.recording .main'));
  await k.to(button(page, 'Delete the recording'), 'Shift+Tab', 6);
  await k.press('Enter');
  await k.on(compose(page));
  await done(page);
});

test('J6 by-keyboard-alone', async () => {
  const ben = await relay.user('ben6', 'Ben');
  const [page, k] = await person('mia6', 'Mia', { acceptDownloads: true });
  await talk(page, k, 'ben6');
  await k.to(button(page, 'Attach files'), 'Shift+Tab', 3);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), k.press('Enter')]);
  await chooser.setFiles(['a', 'b', 'c'].map((n) => ({ name: `${n}.txt`, mimeType: 'text/plain', buffer: Buffer.from(n.repeat(3)) })));
  await page.locator('.staged-file').nth(2).waitFor();
  await k.on(compose(page));
  await k.to(button(page, 'Remove a.txt'), 'Shift+Tab', 8);
  await k.press('Enter');
  await until('one is out', async () => (await page.locator('.staged-file').count()) === 2);
  await k.kept();
  await k.to(compose(page));
  await write(page, k, 'two files');
  await sent(page, 'two files');
  const got = await until('they arrive', async () => (await ben.poll()).find((m) => m.text === 'two files'));
  assert.deepEqual(got.attachments.map((f) => f.name), ['b.txt', 'c.txt']);
  const id = await ben.upload('map.txt', Buffer.from('turn left'), 'text/plain');
  await ben.send('mia6', 'the map', { attachments: [id] });
  await bubble(page, 'the map').getByText('on this device').waitFor();
  await k.to(button(page, 'Save map.txt'), 'Shift+Tab', 8);
  const [download] = await Promise.all([page.waitForEvent('download'), k.press('Enter')]);
  assert.equal(readFileSync(await download.path(), 'utf8'), 'turn left');
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  await ben.send('mia6', 'a dot', { attachments: [await ben.upload('dot.png', png, 'image/png')] });
  const photo = bubble(page, 'a dot').locator('.photo');
  await photo.locator('img').waitFor();
  await k.to(photo);
  await k.press('Enter');
  await page.locator('.viewer img').waitFor();
  await k.on(page.locator('.viewer').getByRole('button', { name: 'Close' }));
  await k.press('Escape');
  await k.on(photo);
  await done(page);
});

test('J9 by-keyboard-alone', async () => {
  const [page, k] = await person('mia9', 'Mia');
  await settings(page, k, 'Advanced relay');
  await k.to(page.locator('#phone-name'));
  await k.type('pixel');
  await k.press('Enter');
  const key = (await page.locator('.card .archive-key').innerText()).trim();
  await k.press('Control+Shift+O');
  await k.on(page.getByPlaceholder('Name or chat address'));
  await k.to(button(page, 'New message to a phone or mail'), 'ArrowDown', 5);
  await k.press('Enter');
  await k.on(page.locator('#out-to'));
  await k.type('+49 30 123456');
  await k.press('Enter');
  await write(page, k, 'Is my parcel there?');
  await until('the relay has it', async () => (await bubble(page, 'Is my parcel there?').getAttribute('data-state')) === 'queued');
  const phone = (path, body) => fetch(`${relay.url}/api/v1/phone/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }, body: JSON.stringify({ phone_id: 'pixel', ...body }) }).then((r) => r.json());
  const { messages } = await phone('claim', { limit: 10 });
  assert.deepEqual(messages.map((m) => m.text), ['Is my parcel there?']);
  await phone('ack', { results: messages.map((m) => ({ message_id: m.message_id, lease_id: m.lease_id, status: 'delivered' })) });
  await phone('inbound', { channel: 'sms', from: '+4930123456', text: 'It is.', received_at: Date.now() });
  await page.locator('.row', { hasText: 'It is.' }).waitFor();
  await k.press('Control+k');
  await k.to(page.getByRole('tab', { name: 'All' }));
  await k.to(page.getByRole('tab', { name: 'SMS' }), 'ArrowRight', 8);
  await k.to(page.locator('.rows .row', { hasText: 'It is.' }));
  await k.press('Enter');
  await bubble(page, 'It is.').waitFor();
  await done(page);
});

test('J10 by-keyboard-alone', async () => {
  const proxy = await startProxy(relay);
  try {
    const ben = await relay.user('ben10', 'Ben');
    const [page, k] = await person('mia10', 'Mia', { url: proxy.page });
    await talk(page, k, 'ben10');
    proxy.rule = () => 'drop';
    for (const text of ['one of two', 'two of two']) await write(page, k, text);
    await page.getByText('Not connected. What you write is sent later.').waitFor();
    await k.on(compose(page));
    await k.to(button(page, 'Try now'));
    proxy.rule = () => undefined;
    await k.press('Enter');
    await sent(page, 'two of two');
    await until('the banner is gone', async () => (await page.locator('.banner').count()) === 0);
    await k.kept();
    assert.deepEqual((await ben.poll()).map((m) => m.text), ['one of two', 'two of two']);
    await done(page);
  } finally {
    await proxy.stop();
  }
});

test('J11 by-keyboard-alone', async () => {
  const closed = await startRelay({ PCHAT_AUTH_ALLOWED_EMAILS: 'nobody@example.org', PCHAT_ADMIN_EMAILS: 'olga@example.org' });
  try {
    const [olga, k] = await person('olga', 'Olga', { at: closed });
    for (const who of ['one', 'two']) await closed.call('POST', '/api/v1/pchat/auth/request-code', { email: `${who}@example.org`, purpose: 'login' });
    await olga.locator('.row', { hasText: 'From the relay' }).waitFor();
    await k.to(button(olga, 'Account: Olga', false));
    await k.press('Enter');
    await k.to(olga.getByRole('menuitem', { name: 'Admin' }), 'ArrowDown', 6);
    await k.press('Enter');
    await k.kept();
    const one = olga.locator('.card', { hasText: 'one@example.org' });
    await k.do(one.getByRole('button', { name: 'Let in' }));
    await until('one is decided', async () => (await one.count()) === 0);
    await k.kept();
    await k.press('Control+k');
    await k.to(olga.locator('.row', { hasText: 'From the relay' }), 'ArrowDown', 3);
    await k.press('Enter');
    // the button of a request that was decided elsewhere says how
    const stale = bubble(olga, 'one@example.org').getByRole('button', { name: 'Deny' });
    await k.to(stale);
    await k.press('Enter');
    await bubble(olga, 'one@example.org').locator('.decided', { hasText: 'Let in' }).waitFor();
    await k.kept();
    await k.to(bubble(olga, 'two@example.org').getByRole('button', { name: 'Deny' }));
    await k.press('Enter');
    await bubble(olga, 'two@example.org').locator('.decided', { hasText: 'Denied' }).waitFor();
    await k.kept();
    await done(olga);
  } finally {
    await closed.stop();
  }
});

test('J12 by-keyboard-alone', async () => {
  const pest = await relay.user('pest', 'Pest');
  const [page, k] = await person('mia12', 'Mia');
  await pest.send('mia12', 'buy now');
  await page.locator('.row', { hasText: 'Pest' }).waitFor();
  await k.press('Control+k', 'ArrowDown', 'Enter');
  await k.on(compose(page));
  const block = async () => {
    await k.press('ArrowUp');
    await k.on(page.locator('.bubble').last());
    await k.press('Shift+F10');
    await k.on(page.getByRole('menuitem'));
    await k.press('End');
    await k.on(page.getByRole('menuitem', { name: 'Block Pest' }));
    await k.press('Enter');
    await k.on(page.getByRole('dialog').getByRole('button', { name: 'Block' }));
    await k.press('Enter');
    await page.getByText('You blocked this person.').waitFor();
    await k.kept();
  };
  await block();
  await k.do(page.locator('.toast').getByRole('button', { name: 'Undo' }));
  await until('unblocked', async () => (await page.getByText('You blocked this person.').count()) === 0);
  await k.kept();
  await k.to(compose(page), 'Shift+Tab');
  await block();
  await settings(page, k, 'Privacy and this device');
  await k.do(button(page, 'Unblock'));
  await page.getByText('Nobody is blocked.').waitFor();
  await k.kept();
  await pest.send('mia12', 'sorry');
  await page.locator('.row', { hasText: 'sorry' }).waitFor();
  await done(page);
});

test('J13 by-keyboard-alone', async () => {
  const [page, k] = await person('leaver', 'Leaver', { acceptDownloads: true });
  await settings(page, k, 'Privacy and this device');
  await k.do(button(page, 'Sign out, forget or erase'));
  await k.kept();
  await k.to(page.locator('.bad-card').getByRole('button', { name: 'Export my data' }));
  await Promise.all([page.waitForEvent('download'), k.press('Enter')]);
  await k.to(page.locator('#erase-address'));
  await k.type('leaver');
  await k.do(button(page, 'Erase my account'));
  await k.on(page.locator('#email'));
  assert.equal(await page.evaluate(async () => (await indexedDB.databases()).filter((d) => d.name.startsWith('webchat:')).length), 0);
  await enter(page, 'stayer', 'Stayer');
  await settings(page, k, 'Privacy and this device');
  await k.do(button(page, 'Sign out, forget or erase'));
  await k.to(page.locator('.card', { hasText: 'Forget this device' }).getByRole('button'));
  await k.press('Enter');
  await k.on(page.getByRole('dialog').getByRole('button', { name: 'Forget this device' }));
  await k.press('Enter');
  await k.on(page.locator('#email'));
  await done(page);
});

test('J14 by-keyboard-alone', async () => {
  const ben = await relay.user('ben14', 'Ben');
  const [page, k] = await person('work', 'Work');
  await talk(page, k, 'ben14');
  await k.type('draft at work');
  await k.to(button(page, 'Account: Work', false));
  await k.press('Enter');
  await k.to(page.getByRole('menuitem', { name: 'Add an account' }), 'ArrowDown', 6);
  await k.press('Enter');
  await enter(page, 'home', 'Home');
  await button(page, 'Account: Home', false).waitFor();
  await k.kept();
  await k.press('Control+Shift+2');
  await button(page, 'Account: Work', false).waitFor();
  await k.kept();
  await k.press('Control+k', 'ArrowDown', 'Enter');
  await k.on(compose(page));
  await holds(compose(page), 'draft at work');
  await ben.send('home', 'are you home?');
  await done(page);
});
