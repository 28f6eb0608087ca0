// What one person says into a browser's microphone and another reads, by real engines: PocketSphinx writes it down, apertium-apy translates.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plain } from './engine.mjs';
import { launch, signedIn, startRelay, talkTo, until } from './lib.mjs';

const script = join(dirname(fileURLToPath(import.meta.url)), '../../api/real_engines.py');
const folder = mkdtempSync(join(tmpdir(), 'engines-'));
const WORDS = 'go forward ten meters';
let engines, relay, speaker, reader, mia, ben;

before(async () => {
  engines = spawn('setpriv', ['--pdeathsig', 'TERM', '--', process.env.PYTHON ?? '/usr/bin/python3', script, join(folder, 'speech.wav')], { stdio: ['pipe', 'pipe', 'inherit'] });
  engines.stdin.end(WORDS + '\n');
  const at = JSON.parse(await new Promise((done) => createInterface({ input: engines.stdout }).once('line', done)));
  [relay, speaker, reader] = await Promise.all([
    startRelay({ RELAY_TRANSLATE_KIND: 'apertium', RELAY_TRANSLATE_URL: at.translator, RELAY_TRANSCRIBE_URL: at.ear }),
    launch([`--use-file-for-fake-audio-capture=${at.sound}`]), launch()]);
  await until('the languages are known', async () => (await relay.call('GET', '/api/v1/webchat/config')).features?.translation);
  [mia, ben] = await Promise.all([[speaker, 'mia', 'Mia Santos'], [reader, 'ben', 'Ben Okoro']].map(async ([browser, address, name]) => {
    const page = await signedIn(browser, relay, address, name, { init: plain });
    await page.context().grantPermissions(['microphone']);
    return page;
  }));
  await talkTo(mia, 'ben');
});
after(async () => {
  await speaker?.close();
  await reader?.close();
  await relay?.stop();
  engines?.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

test('what-is-spoken-into-one-browser-is-read-in-the-other', async () => {
  await mia.getByRole('button', { name: 'Record a voice message' }).click();
  await until('it was said', async () => (await mia.locator('.rec-time').innerText()) >= '0:04');
  await mia.locator('.box.recording').getByRole('button', { name: 'Send' }).click();
  await ben.locator('.row', { hasText: 'Mia Santos' }).first().click();
  await ben.getByRole('button', { name: 'Show as text' }).click();
  await ben.getByRole('button', { name: 'Write it down' }).click();
  const text = ben.locator('.spoken');
  await text.waitFor();
  assert.match(await text.innerText(), new RegExp(WORDS));
  assert.deepEqual([...mia.faults, ...ben.faults], []);
});
