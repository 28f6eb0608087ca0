// Calls between two browsers with fake devices, over a real relay.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { button, card, connected, grows, incoming, isIdle, isOpen, line, lineText, over, press, released, says, twoPeople, watched } from './calling.mjs';
import { axe, open, resize, signIn, talkTo, tooWide, until, write } from './lib.mjs';

let browser, relay, mia, ben, person;
twoPeople((s) => ({ browser, relay, mia, ben, person } = s));

test('a-call-by-sound', async () => {
  await press(mia, 'Audio call');
  await card(ben).getByText('Mia Novak').waitFor();
  await until('the title says it', async () => /^Incoming call/.test(await ben.title()));
  await says(mia, 'It rings there');
  assert.deepEqual(await axe(mia), []);
  assert.deepEqual(await axe(ben), []);
  await card(ben).getByRole('button', { name: 'Answer', exact: true }).click();
  await Promise.all([isOpen(mia), isOpen(ben)]);
  for (const page of [mia, ben]) await grows(page, 'packets');
  const time = () => ben.evaluate(() => document.querySelector('audio').currentTime);
  const from = await time();
  await until('the sound plays', async () => (await time()) > from + 0.2);
  assert.equal((await incoming(mia)).frames, 0);
  assert.doesNotMatch(await ben.title(), /call/i);
  for (const page of [mia, ben]) assert.deepEqual(await axe(page), []);
  await press(mia, 'Hang up');
  await ben.locator('.call').getByText('Call ended').waitFor();
  for (const page of [mia, ben]) {
    await isIdle(page);
    await released(page);
  }
  await line(mia, 'Outgoing call');
  await line(ben, 'Incoming call');
  for (const page of [mia, ben]) {
    assert.match(await lineText(page), /\b0:0\d/);
    assert.doesNotMatch(await page.locator('body').innerText(), /call_id|sdp/);
    assert.equal(await page.locator('.msg').count(), 1);
    assert.equal(await page.locator('.row .badge').count(), 0);
  }
});

test('the-title-says-that-it-rings-whatever-else-comes', async () => {
  const title = (page, is) => until(`the title is ${is}`, async () => is.test(await page.title()));
  await press(mia, 'Audio call');
  await title(ben, /^Incoming call/);
  const zoe = await relay.user('zoe', 'Zoe Lind');
  await zoe.send('ben', 'Are you there?');
  await ben.locator('.row', { hasText: 'Are you there?' }).waitFor();
  await title(ben, /^Incoming call/);
  await over(mia, ben);
  await title(ben, /^\(1\) WebChat/);
  await ben.locator('.row', { hasText: 'Zoe Lind' }).click();
  await title(ben, /^WebChat/);
  await ben.locator('.row', { hasText: 'Mia Novak' }).click();
});

test('a-call-with-pictures-camera-microphone-and-screen', async () => {
  await connected(mia, ben, 'Video call', 'Answer with video');
  for (const page of [mia, ben]) {
    await grows(page, 'frames');
    await page.locator('.call-theirs').waitFor();
    const time = () => page.evaluate(() => document.querySelector('.call-theirs').currentTime);
    const from = await time();
    await until('the picture moves', async () => (await time()) > from + 0.2);
    assert.deepEqual(await axe(page), []);
  }
  for (const page of [mia, ben]) assert.equal(await page.evaluate(() => globalThis.pcs.at(-1).getTransceivers().length), 2);
  await press(mia, 'My camera');
  await ben.locator('.call-theirs').waitFor({ state: 'hidden' });
  assert.equal(await button(mia, 'My camera').getAttribute('aria-pressed'), 'false');
  assert.equal(await mia.evaluate(() => globalThis.tracks.filter((x) => x.kind === 'video').every((x) => x.readyState === 'ended')), true);
  await press(mia, 'My camera');
  await ben.locator('.call-theirs').waitFor();
  await grows(ben, 'frames');
  await mia.locator('.call').press('m');
  await says(ben, 'Mia Novak is muted');
  assert.equal(await mia.getByRole('button', { name: /^Mute microphone/ }).getAttribute('aria-pressed'), 'true');
  await mia.locator('.call').press('m');
  await until('the mark goes', async () => !(await ben.locator('.call').innerText()).includes('is muted'));
  await press(mia, 'Share my screen');
  await mia.getByText('Ben Okoro sees your screen').waitFor();
  await grows(ben, 'frames');
  await press(mia, 'Share my screen');
  await mia.getByText('Ben Okoro sees your screen').waitFor({ state: 'detached' });
  await mia.getByRole('button', { name: 'Microphone, camera, speaker' }).click();
  const choice = mia.getByLabel('Microphone', { exact: true });
  await choice.selectOption({ index: 2 });
  await until('another microphone is open', () => mia.evaluate(() => globalThis.tracks.filter((x) => x.kind === 'audio' && x.readyState === 'live').length === 1));
  await grows(ben, 'packets');
  assert.deepEqual(await axe(mia), []);
  await over(ben, mia);
});

test('a-call-is-a-bar-while-one-looks-at-chats', async () => {
  await connected(mia, ben);
  await mia.keyboard.press('Escape');
  await mia.locator('.call-bar').waitFor();
  await write(mia, 'I hear you');
  await grows(mia, 'packets');
  assert.deepEqual(await axe(mia), []);
  for (const width of [320, 1280]) {
    await resize(mia, { width, height: 640 });
    assert.deepEqual(await tooWide(mia), []);
  }
  await mia.locator('.call-back').click();
  await mia.locator('.call').waitFor();
  await resize(mia, { width: 320, height: 640 });
  assert.deepEqual(await tooWide(mia), []);
  await resize(mia, { width: 1280, height: 800 });
  await over(mia, ben);
});

test('declined', async () => {
  await press(mia, 'Audio call');
  await card(ben).getByRole('button', { name: 'Decline' }).click();
  await isIdle(ben);
  await mia.locator('.call').getByText('Ben Okoro declined').waitFor();
  await released(mia);
  await line(mia, 'Call declined');
  await line(ben, 'You declined a call');
  await press(mia, 'Close');
  await isIdle(mia);
});

test('missed-is-news-and-can-be-called-back', async () => {
  await ben.keyboard.press('Escape');
  await ben.locator('#compose').waitFor({ state: 'detached' });
  await press(mia, 'Video call');
  await card(ben).waitFor();
  await press(mia, 'Hang up');
  await isIdle(ben);
  await ben.locator('.row', { hasText: 'Missed call' }).locator('.badge').waitFor();
  await released(mia);
  await isIdle(mia);
  await ben.locator('.row', { hasText: 'Missed call' }).click();
  await line(ben, 'Missed call');
  await line(mia, 'Cancelled call');
  await until('it counts as read', async () => !(await ben.locator('.row .badge').count()));
  await ben.locator('.call-line').last().getByRole('button', { name: 'Call back' }).click();
  await card(mia).getByRole('button', { name: 'Answer without video' }).click();
  await Promise.all([isOpen(mia), isOpen(ben)]);
  await grows(mia, 'frames');
  assert.equal((await incoming(ben)).frames, 0);
  await over(mia, ben);
});

test('who-is-in-a-call-is-busy', async () => {
  const eve = await person('eve', 'Eve Lund');
  await talkTo(eve, 'ben');
  await connected(mia, ben);
  await press(eve, 'Audio call');
  await eve.locator('.call').getByText('Ben Okoro is in another call').waitFor();
  await ben.getByText('Eve Lund called meanwhile').waitFor();
  assert.equal(await card(ben).count(), 0);
  await released(eve);
  await line(eve, 'Busy');
  await grows(mia, 'packets');
  await over(mia, ben);
  await ben.locator('.row', { hasText: 'Eve Lund' }).filter({ hasText: 'Missed call' }).waitFor();
  await eve.context().close();
});

test('all-devices-ring-and-the-first-answer-wins', async () => {
  const phone = await open(browser, relay.page, { init: watched });
  await signIn(phone, 'ben', 'Ben Okoro');
  await press(mia, 'Audio call');
  await Promise.all([card(ben).waitFor(), card(phone).waitFor()]);
  await card(phone).getByRole('button', { name: 'Answer', exact: true }).click();
  await Promise.all([isOpen(mia), isOpen(phone)]);
  await isIdle(ben);
  await grows(phone, 'packets');
  await over(phone, mia);
  await line(ben, 'Answered on another device');
  await press(mia, 'Audio call');
  await Promise.all([card(ben).waitFor(), card(phone).waitFor()]);
  await card(phone).getByRole('button', { name: 'Decline' }).click();
  await Promise.all([isIdle(ben), isIdle(phone)]);
  await press(mia, 'Close');
  await isIdle(mia);
  await phone.context().close();
});

test('only-one-tab-rings-and-holds-the-call', async () => {
  const tab = await open(browser, relay.page, { context: ben.context(), init: watched });
  await tab.locator('.list-head').waitFor();
  await until('the new tab leads', () => tab.evaluate(async () => (await navigator.locks.query()).held.some((l) => l.name.startsWith('webchat:lead'))));
  await press(mia, 'Audio call');
  await card(tab).waitFor();
  assert.equal(await card(ben).count(), 0);
  await card(tab).getByRole('button', { name: 'Answer', exact: true }).click();
  await Promise.all([isOpen(mia), isOpen(tab)]);
  // the first tab leads again; the call stays where it is, and ends there
  await ben.bringToFront();
  await ben.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await grows(tab, 'packets');
  await press(ben, 'Audio call');
  await ben.getByText('Another window of this browser has a call.').waitFor();
  assert.equal(await ben.locator('.call').count(), 0);
  await press(mia, 'Hang up');
  await isIdle(tab);
  await released(tab);
  await isIdle(mia);
  await tab.close();
});

test('both-call-at-once', async () => {
  await Promise.all([press(mia, 'Audio call'), press(ben, 'Audio call')]);
  await Promise.all([isOpen(mia), isOpen(ben)]);
  for (const page of [mia, ben]) {
    await grows(page, 'packets');
    assert.equal(await card(page).count(), 0);
  }
  await over(mia, ben);
  for (const page of [mia, ben]) await until('one line is left of it', async () => /Incoming|Outgoing/.test(await lineText(page)));
  // while one of them is still being asked for the microphone
  await mia.evaluate(() => {
    const { mediaDevices: media } = navigator;
    const real = media.getUserMedia;
    media.getUserMedia = (wish) => new Promise((done) => (globalThis.allow = done)).then(() => ((media.getUserMedia = real), real.call(media, wish)));
  });
  await press(mia, 'Audio call');
  await until('the microphone is asked for', () => mia.evaluate(() => !!globalThis.allow));
  await press(ben, 'Audio call');
  await says(ben, 'It rings there');
  await mia.evaluate(() => globalThis.allow());
  await Promise.all([isOpen(mia), isOpen(ben)]);
  await grows(ben, 'packets');
  await over(ben, mia);
});

test('calls-without-a-mouse', async () => {
  await mia.locator('#compose').focus();
  await button(mia, 'Audio call').focus();
  await mia.keyboard.press('Enter');
  await card(ben).waitFor();
  await until('the call has the focus', () => mia.evaluate(() => !!document.activeElement.closest('.call')));
  await card(ben).getByRole('button', { name: 'Answer', exact: true }).focus();
  await ben.keyboard.press('Enter');
  await Promise.all([isOpen(mia), isOpen(ben)]);
  for (let i = 0; !(await button(mia, 'Hang up').evaluate((x) => x === document.activeElement)); i++) {
    assert.ok(i < 12, 'Hang up is reached by Tab');
    await mia.keyboard.press('Tab');
  }
  await mia.keyboard.press('Enter');
  await isIdle(mia);
  await until('the focus goes back', () => button(mia, 'Audio call').evaluate((x) => x === document.activeElement));
  await isIdle(ben);
});

test('no-fault-is-told', () => {
  assert.deepEqual([...mia.faults, ...ben.faults], []);
});
