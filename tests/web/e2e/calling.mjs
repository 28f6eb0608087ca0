// What tests of calls share: coturn, pages whose connections can be looked at, two people.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { freePort, launch, signedIn, startRelay, talkTo, until, write } from './lib.mjs';

export const SECRET = 'secret-of-this-test';
const has = (program) => {
  try {
    execFileSync('which', [program]);
    return true;
  } catch {
    return false;
  }
};
export const noTurn = !has('turnserver') && 'coturn is not installed';
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
export const watched = () => {
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

export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const card = (page) => page.locator('.call-card');
export const lineText = (page) => page.locator('.call-line').last().innerText();
export const press = (page, name) => button(page, name).click();
export const says = (page, text) => until(`it says ${text}`, async () => (await page.locator('.call-status').allInnerTexts()).join(' ').includes(text));
/** How far the connections of a page came, for whoever waits in vain. */
export const states = (page) =>
  page.evaluate(() => globalThis.pcs.slice(-2).map((pc) => ({
    states: [pc.signalingState, pc.iceGatheringState, pc.iceConnectionState, pc.connectionState].join(' '),
    ours: pc.localDescription?.sdp.match(/a=candidate.*/g), theirs: pc.remoteDescription?.sdp.match(/a=candidate.*/g),
  })));
export const isOpen = (page, other) =>
  page.locator('.call [role="timer"]').waitFor({ state: 'attached' }).catch(async (e) => {
    const found = [await states(page), other && (await states(other)), other && (await other.evaluate(() => [globalThis.heard, globalThis.faults, globalThis.looks]))];
    throw new Error(`${e.message}\n${(await page.locator('.call').allInnerTexts()).join(' ')} ${JSON.stringify(found)}`);
  });
export const isIdle = (page) => until('no call is left', async () => !(await page.locator('.call, .call-card, .call-bar').count()));
export const line = (page, text) => until(`the chat says ${text}`, async () => (await lineText(page)).includes(text));

/** What comes in: packets of sound, frames of pictures, and the kinds of candidates that the connection runs over. */
export const incoming = (page) =>
  page.evaluate(async () => {
    const found = { packets: 0, frames: 0, kinds: [] };
    const pc = globalThis.pcs.at(-1);
    if (!pc || pc.connectionState === 'closed') return found;
    const stats = [...(await pc.getStats()).values()];
    for (const s of stats) {
      if (s.type === 'inbound-rtp' && s.kind === 'audio') found.packets += s.packetsReceived;
      if (s.type === 'inbound-rtp' && s.kind === 'video') found.frames += s.framesDecoded;
    }
    const { selectedCandidatePairId } = stats.find((s) => s.type === 'transport') ?? {};
    const pair = stats.find((s) => s.id === selectedCandidatePairId);
    for (const id of pair ? [pair.localCandidateId, pair.remoteCandidateId] : []) found.kinds.push(stats.find((s) => s.id === id)?.candidateType);
    return found;
  });

export async function grows(page, what) {
  const at = (await incoming(page))[what];
  await until(`${what} come in`, async () => (await incoming(page))[what] > at + 5);
}

/** Every device that was ever opened is let go. */
export const released = (page) => until('every device is let go', () => page.evaluate(() => globalThis.tracks.every((x) => x.readyState === 'ended') && globalThis.pcs.every((x) => x.connectionState === 'closed')));

export async function connected(a, b, kind = 'Audio call', answer = 'Answer') {
  await press(a, kind);
  await card(b).waitFor();
  await card(b).getByRole('button', { name: answer, exact: true }).click();
  await Promise.all([isOpen(a), isOpen(b)]);
}

export async function over(a, b) {
  await press(a, 'Hang up');
  for (const page of [a, b]) {
    const close = button(page, 'Close');
    await Promise.race([close.click().catch(() => undefined), isIdle(page)]);
    await isIdle(page);
    await released(page);
  }
}

/** Two people who look at their chat with each other: {browser, relay, turn, mia, ben, person(address, name, relay?)}, handed to `ready` before the tests of a file. */
export function twoPeople(ready) {
  const s = {};
  s.person = (address, name, from = s.relay) => signedIn(s.browser, from, address, name, { init: watched });
  before(async () => {
    [s.turn, s.browser] = await Promise.all([startTurn(), launch(['--auto-select-desktop-capture-source=Entire screen'])]);
    s.relay = await startRelay({ RELAY_STUN_URLS: `stun:127.0.0.1:${s.turn?.port ?? 9}` });
    [s.mia, s.ben] = [await s.person('mia', 'Mia Novak'), await s.person('ben', 'Ben Okoro')];
    await talkTo(s.mia, 'ben');
    await talkTo(s.ben, 'mia');
    await write(s.mia, 'Shall we talk?');
    await s.ben.locator('.msg', { hasText: 'Shall we talk?' }).waitFor();
    ready(s);
  });
  // a test that failed leaves no call to the next one
  afterEach(async () => {
    for (const page of [s.mia, s.ben]) {
      if (!(await page?.locator('.call, .call-card, .call-bar').count())) continue;
      for (const name of ['Hang up', 'Decline', 'Cancel', 'Close']) await button(page, name).first().click({ timeout: 500 }).catch(() => undefined);
    }
  });
  after(async () => {
    await s.browser?.close();
    await s.relay?.stop();
    s.turn?.stop();
  });
}
