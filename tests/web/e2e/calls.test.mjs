// Calls between two browsers with fake devices, over a real relay; through coturn where an address is to stay hidden.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { axe, freePort, launch, open, signedIn, signIn, startRelay, talkTo, tooWide, until, write } from './lib.mjs';

const SECRET = 'secret-of-this-test';
const has = (program) => {
  try {
    execFileSync('which', [program]);
    return true;
  } catch {
    return false;
  }
};
const noTurn = !has('turnserver') && 'coturn is not installed';
let browser, relay, turn, mia, ben;

/** coturn on loopback; it may send to loopback, which no other one should. */
async function startTurn() {
  if (noTurn) return null;
  const dir = mkdtempSync(join(tmpdir(), 'turn-'));
  const port = await freePort();
  const lines = [`listening-port=${port}`, 'listening-ip=127.0.0.1', 'relay-ip=127.0.0.1', 'fingerprint', 'realm=turn.example.com', 'use-auth-secret', `static-auth-secret=${SECRET}`, 'allow-loopback-peers', 'no-cli', 'cli-password=x', 'no-tls', 'no-dtls', 'no-multicast-peers'];
  writeFileSync(join(dir, 'turnserver.conf'), lines.join('\n') + '\n');
  const child = spawn('turnserver', ['-c', 'turnserver.conf', '--log-file', 'stdout', '--pidfile', join(dir, 'pid'), '--userdb', join(dir, 'turndb')], { cwd: dir, stdio: 'ignore' });
  await until('coturn listens', () => new Promise((done) => {
    const s = connect(port, '127.0.0.1', () => (s.destroy(), done(true)));
    s.on('error', () => done(false));
  }));
  return { port, stop: () => (child.kill('SIGKILL'), rmSync(dir, { recursive: true, force: true })) };
}

/** Connections and devices of a page are kept where a test can look at them. */
const watched = () => {
  const Real = RTCPeerConnection;
  globalThis.pcs = [];
  globalThis.tracks = [];
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...words) {
      super(...words);
      globalThis.pcs.push(this);
    }
  };
  const media = navigator.mediaDevices;
  if (!media) return;
  for (const name of ['getUserMedia', 'getDisplayMedia']) {
    const real = media[name].bind(media);
    media[name] = async (wish) => {
      const stream = await real(wish);
      globalThis.tracks.push(...stream.getTracks());
      return stream;
    };
  }
};

const person = (address, name, from = relay) => signedIn(browser, from, address, name, { init: watched });

before(async () => {
  [turn, browser] = await Promise.all([startTurn(), launch(['--auto-select-desktop-capture-source=Entire screen'])]);
  relay = await startRelay({ RELAY_STUN_URLS: `stun:127.0.0.1:${turn?.port ?? 9}` });
  [mia, ben] = [await person('mia', 'Mia Novak'), await person('ben', 'Ben Okoro')];
  await talkTo(mia, 'ben');
  await talkTo(ben, 'mia');
  await write(mia, 'Shall we talk?');
  await ben.locator('.msg', { hasText: 'Shall we talk?' }).waitFor();
});
/** A test that failed leaves no call to the next one. */
afterEach(async () => {
  for (const page of [mia, ben]) {
    if (!(await page?.locator('.call, .call-card, .call-bar').count())) continue;
    for (const name of ['Hang up', 'Decline', 'Cancel', 'Close']) await button(page, name).first().click({ timeout: 500 }).catch(() => undefined);
  }
});
after(async () => {
  await browser?.close();
  await relay?.stop();
  turn?.stop();
});

const button = (page, name) => page.getByRole('button', { name, exact: true });
const card = (page) => page.locator('.call-card');
const lineText = (page) => page.locator('.call-line').last().innerText();
const press = (page, name) => button(page, name).click();
const says = (page, text) => until(`it says ${text}`, async () => (await page.locator('.call-status').allInnerTexts()).join(' ').includes(text));
const isOpen = (page) => page.locator('.call [role="timer"]').waitFor({ state: 'attached' });
const isIdle = (page) => until('no call is left', async () => !(await page.locator('.call, .call-card, .call-bar').count()));
const line = (page, text) => until(`the chat says ${text}`, async () => (await lineText(page)).includes(text));

/** What comes in: packets of sound, frames of pictures, and the kinds of candidates that the connection runs over. */
const incoming = (page) =>
  page.evaluate(async () => {
    const found = { packets: 0, frames: 0, kinds: [] };
    const pc = globalThis.pcs.at(-1);
    if (!pc || pc.connectionState === 'closed') return found;
    const stats = [...(await pc.getStats()).values()];
    for (const s of stats) {
      if (s.type === 'inbound-rtp' && s.kind === 'audio') found.packets += s.packetsReceived;
      if (s.type === 'inbound-rtp' && s.kind === 'video') found.frames += s.framesDecoded;
    }
    const pair = stats.find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
    for (const id of pair ? [pair.localCandidateId, pair.remoteCandidateId] : []) found.kinds.push(stats.find((s) => s.id === id)?.candidateType);
    return found;
  });

async function grows(page, what) {
  const at = (await incoming(page))[what];
  await until(`${what} come in`, async () => (await incoming(page))[what] > at + 5);
}

/** Every device that was ever opened is let go. */
const released = (page) => until('every device is let go', () => page.evaluate(() => globalThis.tracks.every((x) => x.readyState === 'ended') && globalThis.pcs.every((x) => x.connectionState === 'closed')));

async function connected(a, b, kind = 'Audio call', answer = 'Answer') {
  await press(a, kind);
  await card(b).waitFor();
  await card(b).getByRole('button', { name: answer, exact: true }).click();
  await Promise.all([isOpen(a), isOpen(b)]);
}

async function over(a, b) {
  await press(a, 'Hang up');
  for (const page of [a, b]) {
    const close = button(page, 'Close');
    await Promise.race([close.click().catch(() => undefined), isIdle(page)]);
    await isIdle(page);
    await released(page);
  }
}

test('a-call-by-sound', async () => {
  await press(mia, 'Audio call');
  await card(ben).getByText('Mia Novak').waitFor();
  assert.match(await ben.title(), /^Incoming call/);
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
    await mia.setViewportSize({ width, height: 640 });
    assert.deepEqual(await tooWide(mia), []);
  }
  await mia.locator('.call-back').click();
  await mia.locator('.call').waitFor();
  await mia.setViewportSize({ width: 320, height: 640 });
  assert.deepEqual(await tooWide(mia), []);
  await mia.setViewportSize({ width: 1280, height: 800 });
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
  await press(mia, 'Close').catch(() => undefined);
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

test('no-microphone-no-camera-denied', async () => {
  const refuse = (page, name, only) => page.evaluate(([name, only]) => {
    globalThis.real ??= navigator.mediaDevices.getUserMedia;
    navigator.mediaDevices.getUserMedia = (wish) => (wish[only] ? Promise.reject(new DOMException('no', name)) : globalThis.real.call(navigator.mediaDevices, wish));
  }, [name, only]);
  const allow = (page) => page.evaluate(() => (navigator.mediaDevices.getUserMedia = globalThis.real));
  await refuse(mia, 'NotAllowedError', 'audio');
  await press(mia, 'Audio call');
  await says(mia, 'This page may not use the microphone');
  assert.deepEqual(await axe(mia), []);
  await allow(mia);
  await press(mia, 'Try again');
  await card(ben).waitFor();
  await refuse(ben, 'NotFoundError', 'audio');
  await card(ben).getByRole('button', { name: 'Answer', exact: true }).click();
  await says(ben, 'No microphone was found.');
  await press(ben, 'Go on without a microphone');
  await Promise.all([isOpen(mia), isOpen(ben)]);
  await grows(ben, 'packets');
  await says(mia, 'Ben Okoro is muted');
  await allow(ben);
  await over(mia, ben);
  await refuse(mia, 'NotFoundError', 'video');
  await press(mia, 'Video call');
  await says(mia, 'No camera was found.');
  await released(mia).catch(() => undefined);
  await press(mia, 'Go on without a camera');
  await card(ben).getByRole('button', { name: 'Answer with video' }).click();
  await Promise.all([isOpen(mia), isOpen(ben)]);
  await grows(mia, 'frames');
  await allow(mia);
  await over(ben, mia);
});

test('a-page-that-is-loaded-anew-hangs-up-and-one-that-rings-rings-again', async () => {
  await connected(mia, ben);
  await ben.reload();
  await mia.locator('.call').getByText('Call ended').waitFor();
  await released(mia);
  await isIdle(mia);
  await ben.locator('.call-line').last().waitFor();
  await isIdle(ben);
  await press(mia, 'Audio call');
  await card(ben).waitFor();
  await ben.reload();
  await card(ben).getByRole('button', { name: 'Answer', exact: true }).click();
  await Promise.all([isOpen(mia), isOpen(ben)]);
  await grows(mia, 'packets');
  await over(mia, ben);
});

test('an-old-offer-is-a-missed-call', async () => {
  await ben.route('**/api/v1/webchat/poll', async (route) => {
    try {
      const answer = await route.fetch();
      const body = await answer.json();
      for (const m of body.messages ?? []) if (m.kind === 'call') m.created_at -= 50_000;
      await route.fulfill({ response: answer, json: body });
    } catch {
      /* the rule is gone */
    }
  });
  try {
    const missed = () => ben.locator('.call-line.missed').count();
    const before = await missed();
    await press(mia, 'Audio call');
    await until('it is a missed call', async () => (await missed()) === before + 1);
    assert.equal(await card(ben).count(), 0);
    await press(mia, 'Hang up');
  } finally {
    await ben.unroute('**/api/v1/webchat/poll');
  }
  await press(mia, 'Close');
  await isIdle(mia);
});

test('new-ways-to-each-other-in-the-middle-of-a-call', async () => {
  await connected(mia, ben);
  const way = (page) => page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(globalThis.pcs.at(-1).remoteDescription.sdp)[1]);
  const before = [await way(mia), await way(ben)];
  await Promise.all([mia, ben].map((page) => page.evaluate(() => globalThis.pcs.at(-1).restartIce())));
  await until('both have new ones', async () => (await way(mia)) !== before[0] && (await way(ben)) !== before[1]);
  for (const page of [mia, ben]) await grows(page, 'packets');
  await over(mia, ben);
});

/** A client that knows no more than docs/api.md says: sound alone, no channel of data, no `by`. Run in a page. */
const plainClient = async ({ token, address, peer, id, wish }) => {
  const ask = async (path, body) => (await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-PChat-Session': token }, body: JSON.stringify(body) })).json();
  const pc = new RTCPeerConnection();
  globalThis.pcs.push(pc);
  const media = await navigator.mediaDevices.getUserMedia(wish);
  for (const track of media.getTracks()) pc.addTrack(track, media);
  const say = (signal) => ask('/api/v1/messages', { to: peer, kind: 'call', text: JSON.stringify({ call_id: id, ...signal }) });
  const gathered = () => new Promise((done) => (pc.iceGatheringState === 'complete' ? done() : (pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done()), setTimeout(done, 1500))));
  globalThis.heard = [];
  globalThis.isOver = false;
  globalThis.hangUp = () => (media.getTracks().forEach((x) => x.stop()), pc.close(), (globalThis.isOver = true), say({ type: 'hangup' }));
  await pc.setLocalDescription();
  await gathered();
  await say({ type: 'offer', media: 'audio', sdp: pc.localDescription.sdp });
  let cursor = '';
  (async () => {
    while (!globalThis.isOver) {
      const news = await ask('/api/v1/webchat/poll', { chat_address: address, cursor });
      cursor = news.cursor;
      for (const m of news.messages) {
        const d = JSON.parse(m.text);
        if (d.call_id !== id) continue;
        globalThis.heard.push(d.type);
        if (d.type === 'answer') await pc.setRemoteDescription(d);
        if (d.type !== 'offer') continue;
        await pc.setRemoteDescription(d);
        await pc.setLocalDescription();
        await gathered();
        await say({ type: 'answer', sdp: pc.localDescription.sdp });
      }
      await new Promise((done) => setTimeout(done, 200));
    }
  })();
};

test('with-a-client-that-knows-no-more-than-the-api', async () => {
  const zed = await relay.user('zed', 'Zed');
  const page = await open(browser, relay.page, { init: watched });
  await page.evaluate(plainClient, { token: zed.token, address: 'zed', peer: 'ben', id: 'plain1', wish: { audio: true } });
  await card(ben).getByText('Zed').waitFor();
  await card(ben).getByRole('button', { name: 'Answer', exact: true }).click();
  await isOpen(ben);
  for (const side of [ben, page]) await grows(side, 'packets');
  await press(ben, 'My camera');
  await grows(page, 'frames');
  assert.deepEqual(await page.evaluate(() => globalThis.heard), ['answer', 'offer']);
  await page.evaluate(() => globalThis.hangUp());
  await ben.locator('.call').getByText('Call ended').waitFor();
  await released(ben);
  await isIdle(ben);
  await page.evaluate(plainClient, { token: zed.token, address: 'zed', peer: 'ben', id: 'plain2', wish: { audio: true, video: true } });
  await card(ben).getByRole('button', { name: 'Answer', exact: true }).click();
  await isOpen(ben);
  await ben.locator('.call-theirs').waitFor();
  await grows(ben, 'frames');
  await page.evaluate(() => globalThis.hangUp());
  await isIdle(ben);
  // what is no signal is nothing at all
  await zed.send('ben', 'ring ring', { kind: 'call' });
  await zed.send('ben', 'Can you hear me?');
  await ben.locator('.row', { hasText: 'Can you hear me?' }).waitFor();
  assert.doesNotMatch(await ben.locator('body').innerText(), /ring ring|plain1/);
  await page.context().close();
});

test('no-connection-comes-about', async () => {
  for (const page of [mia, ben]) {
    await page.evaluate(() => {
      const real = RTCPeerConnection.prototype.setRemoteDescription;
      globalThis.realRemote = real;
      RTCPeerConnection.prototype.setRemoteDescription = function (d) {
        return real.call(this, { type: d.type, sdp: d.sdp.replace(/a=candidate.*\r\n/g, '').replace(/a=ice-pwd:\S+/g, 'a=ice-pwd:' + 'x'.repeat(24)) });
      };
    });
  }
  try {
    await press(mia, 'Audio call');
    await card(ben).getByRole('button', { name: 'Answer', exact: true }).click();
    for (const page of [mia, ben]) await page.locator('.call').getByText('No connection came about').waitFor({ timeout: 45_000 });
  } finally {
    for (const page of [mia, ben]) await page.evaluate(() => (RTCPeerConnection.prototype.setRemoteDescription = globalThis.realRemote));
  }
  await released(mia);
  assert.deepEqual(await axe(mia), []);
  await line(ben, 'Call without a connection');
  await line(mia, 'Call without a connection');
  await press(mia, 'Write a message');
  await isIdle(mia);
  await press(ben, 'Close');
  await isIdle(ben);
});

test('hidden-addresses-want-a-server', async () => {
  await mia.keyboard.press('Control+,');
  await mia.getByRole('button', { name: 'Privacy and this device' }).click();
  await mia.getByRole('switch', { name: /Hide my network address/ }).check();
  await mia.locator('.row', { hasText: 'Ben Okoro' }).click();
  await press(mia, 'Audio call');
  await mia.locator('.call').getByText('this relay names no server').waitFor();
  await released(mia);
  await press(mia, 'Close');
  await isIdle(mia);
  await mia.keyboard.press('Control+,');
  await mia.getByRole('button', { name: 'Privacy and this device' }).click();
  await mia.getByRole('switch', { name: /Hide my network address/ }).uncheck();
  await mia.locator('.row', { hasText: 'Ben Okoro' }).click();
});

test('through-a-server-alone', { skip: noTurn }, async () => {
  const hidden = await startRelay({ RELAY_TURN_URLS: `turn:127.0.0.1:${turn.port}?transport=udp`, RELAY_TURN_SECRET: SECRET, RELAY_CALLS_RELAY_ONLY: 'true' });
  try {
    const ann = await person('ann', 'Ann', hidden);
    const bob = await person('bob', 'Bob', hidden);
    await talkTo(ann, 'bob');
    await connected(ann, bob, 'Video call', 'Answer with video');
    for (const page of [ann, bob]) {
      await grows(page, 'packets');
      await grows(page, 'frames');
      assert.deepEqual((await incoming(page)).kinds, ['relay', 'relay']);
      const told = await page.evaluate(() => globalThis.pcs.at(-1).remoteDescription.sdp);
      const kinds = [...told.matchAll(/^a=candidate.* typ (\w+)/gm)].map((x) => x[1]);
      assert.ok(kinds.length && kinds.every((k) => k === 'relay'), told);
      assert.doesNotMatch(told, /raddr (?!0\.0\.0\.0)/);
    }
    await over(ann, bob);
    assert.deepEqual([...ann.faults, ...bob.faults], []);
    await ann.context().close();
    await bob.context().close();
  } finally {
    await hidden.stop();
  }
});

test('without-https-a-sentence-says-why', async () => {
  const plain = await launch(['--host-resolver-rules=MAP relay.test 127.0.0.1']);
  try {
    const page = await open(plain, relay.page.replace('127.0.0.1', 'relay.test'));
    await signIn(page, 'tom', 'Tom');
    await talkTo(page, 'ben');
    await press(page, 'Audio call');
    await says(page, 'Calls need a page with HTTPS');
    assert.deepEqual(await axe(page), []);
    await press(page, 'Write a message');
    await page.locator('#compose').waitFor();
    await isIdle(page);
  } finally {
    await plain.close();
  }
});

test('without-servers-there-are-no-buttons', async () => {
  const silent = await startRelay();
  try {
    const page = await person('ann', 'Ann', silent);
    await silent.user('bob', 'Bob');
    await talkTo(page, 'bob');
    assert.equal(await button(page, 'Audio call').count(), 0);
    await page.context().close();
  } finally {
    await silent.stop();
  }
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
