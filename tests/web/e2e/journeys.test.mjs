// Journeys of people over a real relay: from opening the page to being done.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { bubble, holds, launch, leave, open, signedIn, signIn, startProxy, startRelay, talkTo, until, write } from './lib.mjs';
import { tune } from '../screens.mjs';

let relay, browser;
before(async () => {
  [relay, browser] = await Promise.all([startRelay({ PCHAT_ADMIN_EMAILS: 'olga@example.org' }), launch()]);
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});

const sent = (page, text) => until(`${text} is sent`, async () => ['sent', 'delivered', 'read'].includes(await bubble(page, text).first().getAttribute('data-state')));
const toSettings = async (page, name) => {
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav').getByRole('button', { name }).click();
};

test('J2 second-device-brings-its-history', async () => {
  const ben = await relay.user('ben2', 'Ben');
  const first = await signedIn(browser, relay, 'noor', 'Noor', { acceptDownloads: true });
  await talkTo(first, 'ben2');
  await write(first, 'remember this');
  await sent(first, 'remember this');
  const id = await ben.upload('map.txt', Buffer.from('turn left'), 'text/plain');
  await ben.send('noor', 'the map', { attachments: [id] });
  await bubble(first, 'the map').getByText('on this device').waitFor();
  await toSettings(first, 'Privacy and this device');
  const [download] = await Promise.all([first.waitForEvent('download'), first.getByRole('button', { name: 'Make the file' }).click()]);
  const key = await first.locator('.archive-key').innerText();
  const bytes = readFileSync(await download.path());
  assert.ok(!bytes.includes('remember') && !bytes.includes('turn left'));
  const second = await open(browser, relay.page);
  await signIn(second, 'noor', 'Noor');
  await toSettings(second, 'Privacy and this device');
  const bring = async (typed) => {
    await second.locator('input[accept=".webchat"]').setInputFiles({ name: 'h.webchat', mimeType: 'application/octet-stream', buffer: bytes });
    await second.getByLabel('Key, 8 groups').fill(typed);
    await second.getByRole('dialog').getByRole('button', { name: 'Bring from a file' }).click();
  };
  await bring('AAAA-'.repeat(8));
  await second.getByText('That is not the key of this file.').waitFor();
  await bring(key.toLowerCase());
  await second.getByText('2 messages were brought').waitFor();
  await second.locator('.row', { hasText: 'Ben' }).click();
  await bubble(second, 'remember this').waitFor();
  await bubble(second, 'the map').getByText('on this device').waitFor();
  assert.deepEqual([...first.faults, ...second.faults], []);
  await leave(first, second);
});

test('J3 group-create-ask-approve-roles-leave', async () => {
  const anna = await signedIn(browser, relay, 'anna', 'Anna');
  await anna.keyboard.press('Control+Shift+O');
  await anna.getByRole('button', { name: 'New group' }).click();
  await anna.getByLabel('Name of the group').fill('Hikers');
  await anna.getByLabel('Who can find it').selectOption('public');
  await anna.getByRole('button', { name: 'Create group' }).click();
  await anna.locator('#compose').waitFor();
  const ben = await signedIn(browser, relay, 'ben3', 'Ben Three', { viewport: { width: 320, height: 640 } });
  await ben.getByRole('button', { name: 'New chat', exact: true }).click();
  await ben.locator('.row-button', { hasText: 'Hikers' }).click();
  await ben.getByText('You asked to join Hikers.').waitFor();
  await ben.locator('.pill', { hasText: 'Asked' }).waitFor();
  await anna.locator('.actions').getByRole('button', { name: 'Let in' }).click();
  await anna.locator('.decided', { hasText: 'Let in' }).waitFor();
  await ben.getByRole('button', { name: 'Back' }).click();
  await ben.locator('.row', { hasText: 'Hikers' }).click();
  await write(ben, 'hello hikers');
  await bubble(anna, 'hello hikers').waitFor();
  await anna.locator('.head-who').click();
  await anna.locator('.info .row-button', { hasText: 'Ben Three' }).click();
  await anna.getByRole('menuitem', { name: 'Make owner' }).click();
  await anna.getByRole('button', { name: 'Hand over' }).click();
  await anna.locator('.info .row-button', { hasText: 'Ben Three' }).locator('.pill', { hasText: 'owner' }).waitFor();
  await anna.locator('.info').getByRole('button', { name: 'Leave group' }).click();
  await anna.getByRole('dialog').getByRole('button', { name: 'Leave group' }).click();
  await anna.getByText('You are not in this group any more.').waitFor();
  assert.deepEqual([...anna.faults, ...ben.faults], []);
  await leave(anna, ben);
});

test('J4 stream-readers-read-and-text-is-kept', async () => {
  const boss = await relay.user('boss', 'Boss');
  const reader = await signedIn(browser, relay, 'reader', 'Reader');
  const { group_id } = await boss.call('POST', '/api/v1/webchat/groups', { name: 'News', mode: 'chat' });
  await boss.call('POST', `/api/v1/webchat/groups/${group_id}/members`, { chat_address: 'reader' });
  await reader.locator('.row', { hasText: 'News' }).click();
  await reader.getByText('You are invited.').waitFor();
  await reader.locator('.actions').getByRole('button', { name: 'Accept' }).click();
  await reader.locator('#compose').waitFor();
  await boss.send(group_id, 'first news');
  await reader.locator('#compose').fill('I wanted to say');
  await reader.waitForTimeout(400);
  await boss.call('PATCH', `/api/v1/webchat/groups/${group_id}`, { mode: 'stream' });
  await reader.getByText('Only writers post here').waitFor();
  await reader.getByText('What you wrote here is kept.').waitFor();
  await boss.call('PATCH', `/api/v1/webchat/groups/${group_id}/members/reader`, { role: 'writer' });
  await reader.locator('#compose').waitFor();
  await holds(reader.locator('#compose'), 'I wanted to say');
  await reader.locator('#compose').press('Enter');
  await sent(reader, 'I wanted to say');
  assert.deepEqual(reader.faults, []);
  await leave(reader);
});

test('J5 voice-note-by-mouse', async () => {
  const ben = await relay.user('ben5', 'Ben Five');
  const page = await signedIn(browser, relay, 'mia5', 'Mia Five', { to: 'ben5' });
  await page.context().grantPermissions(['microphone']);
  await page.getByRole('button', { name: 'Record a voice message' }).click();
  await until('a second is recorded', async () => (await page.locator('.rec-time').innerText()) >= '0:02');
  await page.locator('.box.recording').getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Go on recording' }).click();
  await page.getByRole('button', { name: 'Stop and listen' }).click();
  await page.getByRole('button', { name: 'Listen', exact: true }).click();
  await page.locator('.box.recording').getByRole('button', { name: 'Send' }).click();
  const note = await until('it arrives', async () => (await ben.poll()).find((m) => m.kind === 'voice'));
  assert.ok(note.duration_ms >= 1000);
  const bytes = await ben.upload('answer.wav', tune(2), 'audio/wav');
  await ben.send('mia5', '', { kind: 'voice', attachments: [bytes], duration_ms: 2000, waveform: [10, 90, 40] });
  const answer = page.locator('.msg:not(.mine) .voice');
  await answer.getByRole('button', { name: 'Play' }).click();
  await until('it plays', () => answer.locator('audio').evaluate((a) => a.currentTime > 0));
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('J6 file-by-picker-arrives-and-opens', async () => {
  const ben = await signedIn(browser, relay, 'ben6', 'Ben Six', { acceptDownloads: true });
  const mia = await signedIn(browser, relay, 'mia6', 'Mia Six', { to: 'ben6' });
  await mia.locator('.compose input[type="file"]').setInputFiles([{ name: 'a.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.4 a') }, { name: 'b.txt', mimeType: 'text/plain', buffer: Buffer.from('bee') }]);
  await mia.locator('.staged-file').nth(1).waitFor();
  await write(mia, 'two files');
  await sent(mia, 'two files');
  await ben.locator('.row', { hasText: 'Mia Six' }).click();
  const b = bubble(ben, 'two files');
  await b.getByText('on this device').nth(1).waitFor();
  const [download] = await Promise.all([ben.waitForEvent('download'), b.getByRole('button', { name: 'Save b.txt' }).click()]);
  assert.equal(readFileSync(await download.path(), 'utf8'), 'bee');
  assert.deepEqual([...mia.faults, ...ben.faults], []);
  await leave(mia, ben);
});

test('J9 sms-by-a-phone-and-back-by-mouse', async () => {
  const page = await signedIn(browser, relay, 'mia9', 'Mia Nine');
  await toSettings(page, 'Advanced relay');
  await page.locator('#phone-name').fill('pixel');
  await page.getByRole('button', { name: 'Make a key' }).click();
  const key = (await page.locator('.card .archive-key').innerText()).trim();
  const phone = (path, body) => fetch(`${relay.url}/api/v1/phone/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }, body: JSON.stringify({ phone_id: 'pixel', ...body }) }).then((r) => r.json());
  await page.getByRole('button', { name: 'New chat', exact: true }).click();
  await page.getByRole('button', { name: 'New message to a phone or mail' }).click();
  await page.locator('.form-foot button').click();
  await page.locator('.field-error').waitFor();
  await page.locator('#out-to').fill('+49 30 123456');
  await page.locator('.form-foot button').click();
  await page.locator('#compose').fill('Is my parcel there?');
  await page.getByText('1 SMS, 141 characters left').waitFor();
  await page.getByRole('button', { name: 'Send' }).click();
  await until('the relay has it', async () => (await bubble(page, 'Is my parcel there?').getAttribute('data-state')) === 'queued');
  const { messages } = await phone('claim', { limit: 10 });
  assert.deepEqual(messages.map((m) => [m.channel, m.to, m.text]), [['sms', '+4930123456', 'Is my parcel there?']]);
  await phone('ack', { results: messages.map((m) => ({ message_id: m.message_id, lease_id: m.lease_id, status: 'delivered' })) });
  await until('it is delivered', async () => (await bubble(page, 'Is my parcel there?').getAttribute('data-state')) === 'delivered');
  await phone('inbound', { channel: 'sms', from: '+4930123456', text: 'It is.', received_at: Date.now() });
  await bubble(page, 'It is.').waitFor();
  await page.getByRole('tab', { name: 'SMS' }).click();
  await until('number and answer are one chat', async () => (await page.locator('.rows .row').count()) === 1);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('J10 offline-reload-and-back-by-mouse', async () => {
  const proxy = await startProxy(relay);
  try {
    const ben = await relay.user('ben10', 'Ben Ten');
    const page = await open(browser, proxy.page);
    await signIn(page, 'mia10', 'Mia Ten');
    await talkTo(page, 'ben10');
    proxy.rule = (c) => (c.path.startsWith('/app/') ? undefined : 'drop');
    for (const text of ['one of three', 'two of three']) {
      await page.locator('#compose').fill(text);
      await page.getByRole('button', { name: 'Send' }).click();
    }
    await page.getByText('Not connected. What you write is sent later.').waitFor();
    await page.reload();
    await bubble(page, 'two of three').waitFor();
    await write(page, 'three of three');
    await page.getByText('Not connected. What you write is sent later.').waitFor();
    await ben.send('mia10', 'meanwhile');
    proxy.rule = () => undefined;
    await page.getByRole('button', { name: 'Try now' }).click();
    await sent(page, 'three of three');
    await bubble(page, 'meanwhile').waitFor();
    await until('the banner is gone', async () => (await page.locator('.banner').count()) === 0);
    assert.deepEqual((await ben.poll()).map((m) => m.text).filter((x) => x.endsWith('of three')), ['one of three', 'two of three', 'three of three']);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  } finally {
    await proxy.stop();
  }
});

test('J11 admin-lets-somebody-in', async () => {
  const closed = await startRelay({ PCHAT_AUTH_ALLOWED_EMAILS: 'nobody@example.org', PCHAT_ADMIN_EMAILS: 'olga@example.org' });
  try {
    const olga = await open(browser, closed.page);
    await signIn(olga, 'olga', 'Olga');
    const fresh = await open(browser, closed.page);
    await fresh.getByLabel('E-mail').fill('new@example.org');
    await fresh.getByRole('button', { name: 'Send me a code' }).click();
    await fresh.locator('#code').waitFor();
    await olga.locator('.row', { hasText: 'From the relay' }).click();
    await olga.locator('.actions').getByRole('button', { name: 'Let in' }).click();
    await olga.locator('.decided', { hasText: 'Let in' }).waitFor();
    assert.deepEqual(olga.faults, []);
    await Promise.all([olga.context().close(), fresh.context().close()]);
  } finally {
    await closed.stop();
  }
});

test('J12 block-from-a-message-and-undo', async () => {
  const pest = await relay.user('pest', 'Pest');
  const mia = await signedIn(browser, relay, 'mia12', 'Mia');
  await pest.send('mia12', 'buy now');
  await mia.locator('.row', { hasText: 'Pest' }).click();
  await bubble(mia, 'buy now').locator('.bubble').click({ button: 'right' });
  await mia.getByRole('menuitem', { name: 'Block Pest' }).click();
  await mia.getByRole('dialog').getByText('They are not told.').waitFor();
  await mia.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
  await mia.getByText('You blocked this person.').waitFor();
  await pest.send('mia12', 'still there?');
  await mia.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await until('unblocked', async () => (await mia.getByText('You blocked this person.').count()) === 0);
  await pest.send('mia12', 'sorry');
  await bubble(mia, 'sorry').waitFor();
  assert.equal(await bubble(mia, 'still there?').count(), 0);
  assert.deepEqual(mia.faults, []);
  await leave(mia);
});

test('J13 export-then-erase', async () => {
  const page = await signedIn(browser, relay, 'leaver', 'Leaver', { acceptDownloads: true });
  await talkTo(page, 'ben2');
  await write(page, 'my last words');
  await sent(page, 'my last words');
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav').getByRole('button', { name: 'Privacy' }).click();
  await page.getByRole('button', { name: 'Sign out, forget or erase' }).click();
  const erase = page.locator('.bad-card');
  const [download] = await Promise.all([page.waitForEvent('download'), erase.getByRole('button', { name: 'Export my data' }).click()]);
  const all = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.ok(JSON.stringify(all).includes('my last words') && !JSON.stringify(all).includes('pct_'));
  assert.equal(await erase.getByRole('button', { name: 'Erase my account' }).isDisabled(), true);
  await erase.getByLabel(/Type your chat address/).fill('leaver');
  await erase.getByRole('button', { name: 'Erase my account' }).click();
  await page.getByLabel('E-mail').waitFor();
  const ben = await relay.user('ben13');
  assert.equal((await ben.send('leaver', 'gone?')).status, 404);
  assert.deepEqual(await page.evaluate(async () => (await indexedDB.databases()).filter((d) => d.name.startsWith('webchat:')).length), 0);
  await leave(page);
});

test('J13 forget-this-device-forgets-all-accounts', async () => {
  const page = await signedIn(browser, relay, 'one13', 'One');
  await page.locator('.list-head .round').last().click();
  await page.getByRole('menuitem', { name: 'Add an account' }).click();
  await signIn(page, 'two13', 'Two');
  await until('the other session', async () => (await page.locator('.list-head .avatar').first().innerText()) === 'T');
  await page.locator('.list-head .round').last().click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.locator('.card', { hasText: 'Forget this device' }).getByRole('button').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Forget this device' }).click();
  await page.getByLabel('E-mail').waitFor();
  assert.equal(await page.getByText('Remembered on this device').count(), 0);
  assert.deepEqual(await page.evaluate(async () => [(await indexedDB.databases()).filter((d) => d.name.startsWith('webchat:')).length, Object.keys(localStorage).filter((x) => x !== 'webchat.device')]), [0, []]);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('J14 two-sessions-switch-with-drafts-and-counts', async () => {
  const ben = await relay.user('ben14', 'Ben');
  const page = await signedIn(browser, relay, 'work', 'Work');
  await talkTo(page, 'ben14');
  await page.locator('#compose').fill('draft at work');
  await page.waitForTimeout(400);
  await page.locator('.list-head .round').last().click();
  await page.getByRole('menuitem', { name: 'Add an account' }).click();
  await signIn(page, 'home', 'Home');
  await until('the other session', async () => (await page.locator('.list-head .avatar').first().innerText()) === 'H');
  await talkTo(page, 'ben14');
  await page.locator('#compose').fill('draft at home');
  await page.waitForTimeout(400);
  await page.keyboard.press('Control+Shift+2');
  await page.locator('.row', { hasText: 'Ben' }).click();
  await holds(page.locator('#compose'), 'draft at work');
  await page.reload();
  await holds(page.locator('#compose'), 'draft at work');
  await ben.send('home', 'are you home?');
  await page.keyboard.press('Control+Shift+2');
  await page.locator('.row', { hasText: 'are you home?' }).or(page.locator('.row', { hasText: 'draft at home' })).first().waitFor();
  assert.deepEqual(page.faults, []);
  await leave(page);
});
