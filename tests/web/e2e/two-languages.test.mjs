// Two people without a common language: one writes Hebrew on a machine with Latin keys, the other reads Spanish; a voice note is read as text, and they call each other.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connected, grows, over, watched } from './calling.mjs';
import { plain, relayWith, startEngine } from './engine.mjs';
import { launch, signedIn, talkTo, until } from './lib.mjs';

const HEBREW = 'שלום בן בוקר טוב';
const SPANISH = 'Hola, Ben, buenos días';
let engine, relay, browser, noor, ben;

before(async () => {
  [engine, browser] = await Promise.all([startEngine(), launch()]);
  relay = await relayWith(engine, { RELAY_TRANSCRIBE_URL: `http://127.0.0.1:${engine.port}`, RELAY_STUN_URLS: 'stun:127.0.0.1:9' });
  await engine.tell({ say: { [`es:${HEBREW}`]: SPANISH }, detected: 'he', transcript: { text: 'בוקר טוב', language: 'he' } });
  [noor, ben] = [await signedIn(browser, relay, 'noor', 'Noor Levi', { init: watched }), await signedIn(browser, relay, 'ben', 'Ben Okoro', { init: watched })];
  for (const page of [noor, ben]) {
    await page.context().grantPermissions(['microphone', 'camera']);
    await page.evaluate(plain);
  }
  await talkTo(noor, 'ben');
});
after(async () => {
  await browser?.close();
  await relay?.stop();
  await engine?.stop();
});

test('hebrew-by-the-keyboard-is-read-in-spanish', async () => {
  await noor.getByRole('button', { name: 'Keyboard', exact: true }).click();
  await noor.locator('.kb-lang').click();
  await noor.getByRole('dialog').getByPlaceholder('Search keyboards').fill('hebrew');
  await noor.getByRole('dialog').locator('.row-button').first().click();
  await noor.locator('.kb-keys').getByRole('button', { name: 'ש', exact: true }).waitFor();
  await noor.getByRole('button', { name: 'Type by position' }).click();
  await noor.locator('#compose').focus();
  for (const code of [...'AKUO CI CUER YUC'].map((c) => (c === ' ' ? 'Space' : `Key${c}`))) await noor.keyboard.press(code);
  await noor.keyboard.press('Enter');
  await ben.locator('.row', { hasText: 'Noor Levi' }).first().click();
  await ben.locator('.msg', { hasText: HEBREW }).waitFor();
  await ben.getByRole('button', { name: 'Translation', exact: true }).click();
  await ben.getByRole('radio', { name: /^By the relay/ }).check();
  await ben.getByLabel('I read in').selectOption({ label: 'Spanish' });
  await ben.getByRole('button', { name: 'Save' }).click();
  await ben.locator('.msg', { hasText: SPANISH }).waitFor();
});

test('a-voice-note-is-read-as-text', async () => {
  await noor.getByRole('button', { name: 'Record a voice message' }).click();
  await until('two seconds are recorded', async () => (await noor.locator('.rec-time').innerText()) >= '0:02');
  await noor.locator('.box.recording').getByRole('button', { name: 'Send' }).click();
  await ben.getByRole('button', { name: 'Show as text' }).click();
  await ben.getByRole('button', { name: 'Write it down' }).click();
  await ben.locator('.spoken', { hasText: 'בוקר טוב' }).waitFor();
});

test('they-call-each-other', async () => {
  await connected(noor, ben, 'Video call', 'Answer with video');
  for (const page of [noor, ben]) {
    await grows(page, 'packets');
    await grows(page, 'frames');
  }
  await over(noor, ben);
  await connected(ben, noor);
  await over(ben, noor);
  assert.deepEqual([...noor.faults, ...ben.faults], []);
});
