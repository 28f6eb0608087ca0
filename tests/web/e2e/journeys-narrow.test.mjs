// The journeys on a small telephone: 320 px, touch. Nothing is cut off, nothing has to be scrolled sideways, and Back leads back.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { bubble, holds, launch, leave, open, resize, signedIn, small, startProxy, startRelay, tooWide, until } from './lib.mjs';

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
const fits = async (page, where) => assert.deepEqual(await tooWide(page), [], where);
/** One pane is the main one and has the only first heading. */
const onePane = async (page, where) => {
  await until(`${where}: one main pane`, async () => (await page.locator('main:visible, [role="main"]:visible').count()) === 1);
  await until(`${where}: one first heading`, async () => (await page.locator('h1:visible').count()) === 1);
  await fits(page, where);
};

async function enter(page, address, name) {
  await page.getByLabel('E-mail').fill(`${address}@example.org`);
  await button(page, 'Send me a code').tap();
  await until('the code is filled in', async () => (await page.locator('#code').inputValue()).length === 6);
  await page.getByText('First time here?').tap();
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Chat address').fill(address);
  await fits(page, 'code');
  await button(page, 'Sign in').tap();
  await page.locator('.list').waitFor();
}
/** Somebody who comes by the sign-in screen. */
async function newcomer(address, name, o = {}) {
  const page = await open(browser, relay.page, { ...small, ...o });
  await page.getByLabel('E-mail').waitFor();
  await fits(page, 'sign-in');
  await enter(page, address, name);
  return page;
}
/** Somebody who is signed in, at `at` if not at the relay of all. */
const person = (address, name, { at = relay, ...o } = {}) => signedIn(browser, at, address, name, { ...small, ...o });
async function write(page, text) {
  await compose(page).fill(text);
  await button(page, 'Send').tap();
  assert.ok(await compose(page).evaluate((el) => el === document.activeElement), 'the keys of the telephone stay');
}
async function talk(page, address) {
  await button(page, 'New chat').first().tap();
  await page.getByPlaceholder('Name or chat address').fill(address);
  // rows move once the answer to what was typed is there, perhaps from under the finger
  await until('the talk is open', async () => {
    await page.locator(`[data-person="${address}"]`).tap({ timeout: 3000 }).catch(() => undefined);
    return compose(page).waitFor({ timeout: 3000 }).then(() => true, () => false);
  });
}
const back = (page) => page.locator('.talk, .info').getByRole('button', { name: 'Back' }).tap();
/** A finger that rests somewhere, though not quite still, on a telephone that does not call it a right click, until `shown` is there; `meanwhile`
 * is done to the element before it is lifted. */
async function longTouch(page, what, shown, meanwhile = () => undefined) {
  const touch = await page.context().newCDPSession(page);
  const at = await until('it has its place', () => what.boundingBox());
  const point = { x: at.x + 5, y: at.y + 5 };
  await page.evaluate(() => document.addEventListener('contextmenu', (e) => (e.preventDefault(), e.stopPropagation()), true));
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [point] });
  await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ ...point, x: point.x + 3 }] });
  await shown.waitFor();
  await what.evaluate(meanwhile);
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}
async function settings(page, name) {
  await button(page, 'Account', false).tap();
  await fits(page, 'account menu');
  await page.getByRole('menuitem', { name: 'Settings' }).tap();
  await onePane(page, 'settings');
  await page.locator('.settings-nav button', { hasText: name }).tap();
  await page.locator('h1', { hasText: name }).waitFor();
  await onePane(page, name);
}
const done = async (...pages) => {
  assert.deepEqual(pages.flatMap((p) => p.faults), []);
  await leave(...pages);
};

test('J1 at-320', async () => {
  const ben = await relay.user('ben1', 'Ben Okri of the far northern harbour and its three lighthouses');
  const page = await newcomer('mia1', 'Mia Santos');
  await onePane(page, 'empty list');
  await button(page, 'Find people').tap();
  await page.locator('[data-person="ben1"]').waitFor();
  await onePane(page, 'directory');
  await page.locator('[data-person="ben1"]').tap();
  await compose(page).waitFor();
  await write(page, 'Hello Ben, see https://example.org/a-very-long-address-that-nobody-would-ever-type-by-hand-because-it-does-not-end/and-goes-on');
  await sent(page, 'Hello Ben');
  await ben.send('mia1', 'Hello ' + 'Miaaaa'.repeat(20));
  await bubble(page, 'Miaaaa').waitFor();
  await onePane(page, 'talk');
  await back(page);
  await page.locator('.row', { hasText: 'Ben Okri' }).waitFor();
  await onePane(page, 'list');
  await page.locator('.row', { hasText: 'Ben Okri' }).tap();
  await bubble(page, 'Hello Ben').waitFor();
  await page.goBack();
  await page.locator('.row', { hasText: 'Ben Okri' }).waitFor();
  await done(page);
});

test('J1 another-relay-at-320', async () => {
  const other = await startRelay({ RELAY_NAME: 'The relay of the Harbour and Lighthouse Association' });
  try {
    const page = await open(browser, `${relay.page}#relay=${encodeURIComponent(other.url)}&mode=private`, small);
    await page.getByRole('dialog').getByText('Use this relay?').waitFor();
    await fits(page, 'trust');
    await button(page, 'Use it').tap();
    await enter(page, 'far', 'Far');
    await onePane(page, 'list');
    await done(page);
  } finally {
    await other.stop();
  }
});

test('J2 at-320', async () => {
  const ben = await relay.user('ben2', 'Ben');
  const first = await newcomer('noor', 'Noor', { acceptDownloads: true });
  await talk(first, 'ben2');
  await write(first, 'remember this');
  await sent(first, 'remember this');
  await ben.send('noor', 'I do');
  await bubble(first, 'I do').waitFor();
  await back(first);
  await settings(first, 'Privacy and this device');
  const [download] = await Promise.all([first.waitForEvent('download'), button(first, 'Make the file').tap()]);
  const key = await first.locator('.archive-key').innerText();
  await fits(first, 'key of the archive');
  await first.getByRole('dialog').getByRole('button', { name: 'Done' }).tap();
  const second = await newcomer('noor', 'Noor');
  await button(second, 'Bring my history').tap();
  await second.locator('h1', { hasText: 'Privacy' }).waitFor();
  const [chooser] = await Promise.all([second.waitForEvent('filechooser'), button(second, 'Bring from a file').tap()]);
  await chooser.setFiles({ name: 'h.webchat', mimeType: 'application/octet-stream', buffer: readFileSync(await download.path()) });
  await second.getByLabel('Key, 8 groups').fill(key);
  await fits(second, 'asking for the key');
  await second.getByRole('dialog').getByRole('button', { name: 'Bring from a file' }).tap();
  await second.getByText('2 messages were brought').waitFor();
  await fits(second, 'toast');
  // Back leads out: of the section, of Settings, to the list
  await back(second);
  await until('the sections', () => second.locator('.settings-nav').isVisible());
  await back(second);
  await second.locator('.row', { hasText: 'Ben' }).tap();
  await bubble(second, 'remember this').waitFor();
  await done(first, second);
});

test('J3 at-320', async () => {
  const anna = await person('anna', 'Anna');
  await button(anna, 'New chat').first().tap();
  await button(anna, 'New group').tap();
  await anna.getByLabel('Name of the group').fill('Hikers of the long way round');
  await anna.getByLabel('Who can find it').selectOption('public');
  await onePane(anna, 'new group');
  await button(anna, 'Create group').tap();
  await compose(anna).waitFor();
  const ben = await person('ben3', 'Ben Three');
  await button(ben, 'New chat').first().tap();
  await ben.locator('.row-button', { hasText: 'Hikers' }).tap();
  await ben.locator('.pill', { hasText: 'Asked' }).waitFor();
  await onePane(ben, 'asked');
  await anna.locator('.head-who').tap();
  await anna.locator('.info').getByRole('button', { name: 'Let in' }).waitFor();
  await onePane(anna, 'info with a request');
  await anna.locator('.info').getByRole('button', { name: 'Let in' }).tap();
  const row = anna.locator('.info .row-button', { hasText: 'Ben Three' });
  await row.tap();
  await anna.getByRole('menuitem', { name: 'Make owner' }).waitFor();
  await fits(anna, 'member menu');
  await anna.getByRole('menuitem', { name: 'Make owner' }).tap();
  await fits(anna, 'dialog');
  await button(anna, 'Hand over').tap();
  await row.locator('.pill', { hasText: 'owner' }).waitFor();
  await button(anna, 'Change group').tap();
  await anna.getByRole('dialog').getByLabel('What it is about').waitFor();
  await fits(anna, 'change group');
  await anna.getByRole('dialog').getByRole('button', { name: 'Cancel' }).tap();
  await anna.locator('.info').getByRole('button', { name: 'Leave group' }).tap();
  await anna.getByRole('dialog').getByRole('button', { name: 'Leave group' }).tap();
  await anna.locator('.toast', { hasText: 'You left the group.' }).waitFor();
  await anna.locator('.info').getByRole('button', { name: 'Close' }).tap();
  await anna.locator('.read-only').waitFor();
  await onePane(anna, 'left');
  await back(ben);
  await ben.locator('.row', { hasText: 'Hikers' }).tap();
  await write(ben, 'hello hikers');
  await sent(ben, 'hello hikers');
  await done(anna, ben);
});

test('J4 at-320', async () => {
  const boss = await relay.user('boss', 'Boss');
  const page = await person('reader', 'Reader');
  const { group_id } = await boss.call('POST', '/api/v1/webchat/groups', { name: 'News', mode: 'chat' });
  await boss.call('POST', `/api/v1/webchat/groups/${group_id}/members`, { chat_address: 'reader' });
  await page.locator('.row', { hasText: 'News' }).tap();
  await page.locator('.actions').getByRole('button', { name: 'Accept' }).waitFor();
  await onePane(page, 'invited');
  await page.locator('.actions').getByRole('button', { name: 'Accept' }).tap();
  await compose(page).fill('I wanted to say');
  await boss.call('PATCH', `/api/v1/webchat/groups/${group_id}`, { mode: 'stream' });
  await page.getByText('Only writers post here').waitFor();
  await page.getByText('What you wrote here is kept.').waitFor();
  await onePane(page, 'reader');
  await boss.call('PATCH', `/api/v1/webchat/groups/${group_id}/members/reader`, { role: 'writer' });
  await compose(page).waitFor();
  await holds(compose(page), 'I wanted to say');
  await button(page, 'Send').tap();
  await sent(page, 'I wanted to say');
  await done(page);
});

test('J5 at-320', async () => {
  const ben = await relay.user('ben5', 'Ben');
  const page = await person('mia5', 'Mia');
  await page.context().grantPermissions(['microphone']);
  await talk(page, 'ben5');
  await button(page, 'Record a voice message').tap();
  await until('a second is recorded', async () => (await page.locator('.rec-time').innerText()) >= '0:01');
  await onePane(page, 'recording');
  await button(page, 'Stop and listen').tap();
  await button(page, 'Listen').tap();
  await onePane(page, 'listening');
  await page.locator('.box.recording .main').tap();
  assert.ok(await until('it arrives', async () => (await ben.poll()).find((m) => m.kind === 'voice')));
  await page.locator('.msg.mine .voice .play').tap();
  await onePane(page, 'a note in the talk');
  await page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))));
  await button(page, 'Record a voice message').tap();
  await page.getByText('The microphone is not allowed.').waitFor();
  await onePane(page, 'denied');
  await done(page);
});

test('J6 at-320', async () => {
  const ben = await relay.user('ben6', 'Ben');
  const page = await person('mia6', 'Mia', { acceptDownloads: true });
  await talk(page, 'ben6');
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button(page, 'Attach files').tap()]);
  await chooser.setFiles(['a', 'b'].map((n) => ({ name: `${n.repeat(60)}.txt`, mimeType: 'text/plain', buffer: Buffer.from(n) })));
  await page.locator('.staged-file').nth(1).waitFor();
  await onePane(page, 'two files wait');
  await page.locator('.staged-file').first().getByRole('button').tap();
  await until('one is out', async () => (await page.locator('.staged-file').count()) === 1);
  await write(page, 'one file');
  await sent(page, 'one file');
  await onePane(page, 'a file with a long name');
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  await ben.send('mia6', 'a dot', { attachments: [await ben.upload('a-photo-with-a-name-that-is-longer-than-the-telephone-is-wide.png', png, 'image/png')] });
  await bubble(page, 'a dot').locator('.photo img').waitFor();
  await bubble(page, 'a dot').locator('.photo').tap();
  await page.locator('.viewer img').waitFor();
  await fits(page, 'viewer');
  await page.locator('.viewer').getByRole('button', { name: 'Larger' }).tap();
  await page.locator('.viewer').getByRole('button', { name: 'Close' }).tap();
  await onePane(page, 'back in the talk');
  await done(page);
});

test('J9 at-320', async () => {
  const page = await person('mia9', 'Mia');
  await settings(page, 'Advanced relay');
  await page.locator('#phone-name').fill('pixel');
  await page.getByRole('button', { name: 'Make a key' }).tap();
  const key = (await page.locator('.card .archive-key').innerText()).trim();
  await page.locator('.card svg').first().waitFor();
  await onePane(page, 'the key of a phone');
  await back(page);
  await until('the sections', () => page.locator('.settings-nav').isVisible());
  await back(page);
  await button(page, 'New chat').first().tap();
  await button(page, 'New message to a phone or mail').tap();
  await page.locator('#out-to').fill('+49 30 123456');
  await onePane(page, 'new message outside');
  await page.locator('.form-foot button').tap();
  await write(page, 'Is my parcel there?');
  await until('the relay has it', async () => (await bubble(page, 'Is my parcel there?').getAttribute('data-state')) === 'queued');
  const phone = (path, body) => fetch(`${relay.url}/api/v1/phone/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }, body: JSON.stringify({ phone_id: 'pixel', ...body }) }).then((r) => r.json());
  const { messages } = await phone('claim', { limit: 10 });
  await phone('ack', { results: messages.map((m) => ({ message_id: m.message_id, lease_id: m.lease_id, status: 'delivered' })) });
  await until('it is delivered', async () => (await bubble(page, 'Is my parcel there?').getAttribute('data-state')) === 'delivered');
  await onePane(page, 'a chat outside');
  await back(page);
  await phone('inbound', { channel: 'sms', from: '+4930123456', text: 'It is.', received_at: Date.now() });
  await page.getByRole('tab', { name: 'SMS' }).tap();
  await page.locator('.row', { hasText: 'It is.' }).tap();
  await bubble(page, 'It is.').waitFor();
  await done(page);
});

test('J10 at-320', async () => {
  const proxy = await startProxy(relay);
  try {
    const ben = await relay.user('ben10', 'Ben');
    const page = await person('mia10', 'Mia', { url: proxy.page });
    await talk(page, 'ben10');
    proxy.rule = () => 'drop';
    await page.context().setOffline(true);
    for (const text of ['one of two', 'two of two']) await write(page, text);
    await page.getByText('Not connected. What you write is sent later.').waitFor();
    await onePane(page, 'banner');
    await page.context().setOffline(false);
    proxy.rule = (c) => (c.path.startsWith('/app/') ? undefined : 'drop');
    await page.reload();
    await bubble(page, 'two of two').waitFor();
    proxy.rule = () => undefined;
    await sent(page, 'two of two');
    assert.deepEqual((await ben.poll()).map((m) => m.text), ['one of two', 'two of two']);
    await done(page);
  } finally {
    await proxy.stop();
  }
});

test('J11 at-320', async () => {
  const closed = await startRelay({ PCHAT_AUTH_ALLOWED_EMAILS: 'nobody@example.org', PCHAT_ADMIN_EMAILS: 'olga@example.org' });
  try {
    const olga = await person('olga', 'Olga', { at: closed });
    const long = `${'somebody.with.a.long.name.'.repeat(2)}who@a-house-far-away.example.org`;
    for (const email of [long, 'two@example.org']) await closed.call('POST', '/api/v1/pchat/auth/request-code', { email, purpose: 'login' });
    await olga.locator('.row', { hasText: 'From the relay' }).waitFor();
    await button(olga, 'Account', false).tap();
    await olga.getByRole('menuitem', { name: 'Admin' }).tap();
    await olga.locator('.card').nth(1).waitFor();
    await onePane(olga, 'requests');
    await olga.locator('.card', { hasText: 'two@' }).getByRole('button', { name: 'Let in' }).tap();
    await until('it is decided', async () => (await olga.locator('.card').count()) === 1);
    for (const tab of ['Users', 'Groups', 'Statistics', 'Health', 'Log']) {
      await olga.getByRole('tab', { name: tab }).tap();
      await olga.locator('#admin-body li, #admin-body .figure, #admin-body .empty').first().waitFor();
      await onePane(olga, tab);
    }
    await back(olga);
    await olga.locator('.row', { hasText: 'From the relay' }).tap();
    await onePane(olga, 'chat of the relay');
    await bubble(olga, long).getByRole('button', { name: 'Let in' }).tap();
    await bubble(olga, long).locator('.decided').waitFor();
    await done(olga);
  } finally {
    await closed.stop();
  }
});

test('J12 at-320', async () => {
  const pest = await relay.user('pest', 'Pest');
  const page = await person('mia12', 'Mia');
  await pest.send('mia12', 'buy now');
  await page.locator('.row', { hasText: 'Pest' }).tap();
  const block = page.getByRole('menuitem', { name: 'Block Pest' });
  // what the finger rests on is drawn anew meanwhile, as when a translation comes
  await longTouch(page, bubble(page, 'buy now').locator('.text'), block, (el) => el.replaceWith(el.cloneNode(true)));
  // the keys of the telephone go, for the menu has the focus
  await resize(page, { width: 320, height: 400 });
  await resize(page, small.viewport);
  await fits(page, 'sheet');
  await block.tap();
  await page.getByRole('dialog').getByText('They are not told.').waitFor();
  await fits(page, 'dialog');
  await page.getByRole('dialog').getByRole('button', { name: 'Block' }).tap();
  await page.getByText('You blocked this person.').waitFor();
  await onePane(page, 'blocked');
  await back(page);
  const archive = page.getByRole('menuitem', { name: 'Archive' });
  await longTouch(page, page.locator('.row', { hasText: 'Pest' }), archive);
  await fits(page, 'menu of a chat');
  // beside it: nothing is pressed
  await page.touchscreen.tap(160, 20);
  await archive.waitFor({ state: 'detached' });
  await settings(page, 'Privacy and this device');
  await button(page, 'Unblock').tap();
  await page.getByText('Nobody is blocked.').waitFor();
  await pest.send('mia12', 'sorry');
  await back(page);
  await until('the sections', () => page.locator('.settings-nav').isVisible());
  await back(page);
  await page.locator('.row', { hasText: 'sorry' }).waitFor();
  await done(page);
});

test('J13 at-320', async () => {
  const page = await person('leaver', 'Leaver', { acceptDownloads: true });
  await button(page, 'Account', false).tap();
  await page.getByRole('menuitem', { name: 'Sign out' }).tap();
  await page.locator('.bad-card').waitFor();
  await onePane(page, 'leaving');
  await Promise.all([page.waitForEvent('download'), page.locator('.bad-card').getByRole('button', { name: 'Export my data' }).tap()]);
  await page.locator('#erase-address').fill('leaver');
  await page.locator('.bad-card').getByRole('button', { name: 'Erase my account' }).tap();
  await page.getByLabel('E-mail').waitFor();
  await enter(page, 'stayer', 'Stayer');
  await button(page, 'Account', false).tap();
  await page.getByRole('menuitem', { name: 'Sign out' }).tap();
  await page.locator('.card').first().getByRole('button', { name: 'Sign out' }).tap();
  await fits(page, 'dialog');
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).tap();
  await page.getByLabel('E-mail').waitFor();
  await done(page);
});

test('J14 at-320', async () => {
  const ben = await relay.user('ben14', 'Ben');
  const page = await person('work', 'Work');
  await talk(page, 'ben14');
  await compose(page).fill('draft at work');
  await back(page);
  await page.locator('.row', { hasText: 'draft at work' }).waitFor();
  await button(page, 'Account', false).tap();
  await page.getByRole('menuitem', { name: 'Add an account' }).tap();
  await enter(page, 'home', 'Home');
  await button(page, 'Account: Home', false).waitFor();
  await ben.send('home', 'are you home?');
  await page.locator('.row', { hasText: 'are you home?' }).waitFor();
  await button(page, 'Account', false).tap();
  await page.getByRole('menuitemcheckbox', { name: 'Work' }).tap();
  await page.locator('.row', { hasText: 'draft at work' }).tap();
  await holds(compose(page), 'draft at work');
  await back(page);
  await settings(page, 'Sessions');
  await page.locator('.row-line', { hasText: 'home@example.org' }).waitFor();
  await onePane(page, 'sessions');
  await done(page);
});

test('J14 back-leads-to-what-a-place-lies-in', async () => {
  await relay.user('ben15', 'Ben');
  const page = await person('walker', 'Walker');
  const inList = (what) => until(what, () => page.locator('.app[data-pane="list"] .row', { hasText: 'Ben' }).isVisible());
  await talk(page, 'ben15');
  await write(page, 'hello');
  await sent(page, 'hello');
  await page.locator('.head-who').tap();
  await page.locator('.info').waitFor();
  // what a reload forgets is not needed for the way back
  await page.reload();
  await page.locator('.info').getByRole('button', { name: 'Close' }).tap();
  await compose(page).waitFor();
  await back(page);
  await inList('out of the chat');
  await settings(page, 'Look');
  await back(page);
  await until('the sections', () => page.locator('.settings-nav').isVisible());
  await back(page);
  await inList('out of Settings');
  // the browser's own Back does not lead into what was left
  await page.locator('.row', { hasText: 'Ben' }).tap();
  await compose(page).waitFor();
  await page.goBack();
  await inList('the step of the browser');
  // a place that no step led to lies in the same
  await page.evaluate(() => history.replaceState({ place: { page: 'settings/look' } }, ''));
  await page.reload();
  await page.locator('h1', { hasText: 'Look' }).waitFor();
  await back(page);
  await until('the sections', () => page.locator('.settings-nav').isVisible());
  await back(page);
  await inList('out of Settings');
  // and no step leads into a chat of another account
  await page.locator('.row', { hasText: 'Ben' }).tap();
  await compose(page).waitFor();
  await page.locator('.head-who').tap();
  await page.locator('.info').waitFor();
  await page.evaluate(() => history.replaceState({ ...history.state, sid: 'another' }, ''));
  await page.goBack();
  await compose(page).waitFor();
  await page.goForward();
  await until('the list', async () => (await page.locator('.app').getAttribute('data-pane')) === 'list');
  await done(page);
});
