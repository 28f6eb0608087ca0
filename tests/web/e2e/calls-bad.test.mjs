// Calls on bad days, with other clients, and through coturn where an address is to stay hidden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { button, card, connected, grows, incoming, isIdle, isOpen, line, noTurn, over, press, released, says, SECRET, twoPeople, watched } from './calling.mjs';
import { axe, launch, open, signIn, startRelay, talkTo, until } from './lib.mjs';

let browser, relay, turn, mia, ben, person;
twoPeople((s) => ({ browser, relay, turn, mia, ben, person } = s));

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
  const ask = async (path, body) => (await fetch(path, { method: 'POST', signal: AbortSignal.timeout(5000), headers: { 'Content-Type': 'application/json', 'X-PChat-Session': token }, body: JSON.stringify(body) })).json();
  const pc = new RTCPeerConnection();
  globalThis.pcs.push(pc);
  const media = await navigator.mediaDevices.getUserMedia(wish);
  for (const track of media.getTracks()) pc.addTrack(track, media);
  const say = (signal) => ask('/api/v1/messages', { to: peer, kind: 'call', text: JSON.stringify({ call_id: id, ...signal }) });
  const gathered = () => new Promise((done) => (pc.iceGatheringState === 'complete' ? done() : (pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done()), setTimeout(done, 1500))));
  globalThis.heard = [];
  globalThis.faults = []; // what failed: it is tried again, as every client does
  let isOver = false; // of this call alone: the loop of an earlier one must not take what comes for this
  globalThis.hangUp = () => (media.getTracks().forEach((x) => x.stop()), pc.close(), (isOver = true), say({ type: 'hangup' }));
  await pc.setLocalDescription();
  await gathered();
  await say({ type: 'offer', media: 'audio', sdp: pc.localDescription.sdp });
  let cursor = '';
  const look = async () => {
    const news = await ask('/api/v1/webchat/poll', { chat_address: address, cursor });
    if (!news.messages) throw new Error(JSON.stringify(news));
    for (const m of news.messages) {
      if (m.scrubbed_at) continue; // the last call's, asked for again from the beginning
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
    cursor = news.cursor;
  };
  (async () => {
    for (globalThis.looks = 0; !isOver; globalThis.looks++) {
      await look().catch((fault) => globalThis.faults.push(String(fault)));
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
  await isOpen(ben, page);
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
  await isOpen(ben, page);
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

test('no-fault-is-told', () => {
  assert.deepEqual([...mia.faults, ...ben.faults], []);
});
