// Voice notes as text and dictation, over a real relay whose engine is a stand-in that also misbehaves.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tune } from '../screens.mjs';
import { plain, relayWith, startEngine } from './engine.mjs';
import { axe, holds, launch, leave, resize, signedIn, small, startProxy, talkTo, tooWide, until } from './lib.mjs';

let engine, relay, browser, ben;
let count = 0;

before(async () => {
  [engine, browser] = await Promise.all([startEngine(), launch()]);
  relay = await relayWith(engine, { RELAY_TRANSCRIBE_URL: `http://127.0.0.1:${engine.port}`, RETENTION_DEVICE_GRACE_SEC: 0, QUEUE_HOUSEKEEPING_INTERVAL_SEC: 1 });
  ben = await relay.user('ben', 'Ben Weber');
});
after(async () => {
  await browser?.close();
  await relay?.stop();
  await engine?.stop();
});

async function speak(to, more = {}) {
  const id = await ben.upload('voice.wav', tune(2), 'audio/wav');
  const sent = await ben.send(to, '', { kind: 'voice', attachments: [id], duration_ms: 2000, ...more });
  assert.ok(sent.message_id, JSON.stringify(sent));
  return { ...sent, file_id: id };
}

/** Somebody new in the chat with Ben; `calls`: what their page asked to be written down. */
async function listener(o = {}) {
  await engine.tell({ misbehave: null, transcript: { text: 'Der Weg am See ist wieder offen.', language: 'de' } });
  const address = `listener-${++count}`;
  const page = await signedIn(browser, relay, address, 'Mia Santos', { init: plain, calls: '/transcribe', ...o });
  const first = await speak(address);
  await page.locator('.row', { hasText: 'Ben Weber' }).first().click();
  await page.locator('.voice').first().waitFor();
  return Object.assign(page, { address, first });
}

const show = (page) => page.getByRole('button', { name: 'Show as text' });
const line = (page, n = 0) => page.locator('.msg').nth(n).locator('.trans').first();

test('voice-note-as-text-on-request-and-kept', async () => {
  const page = await listener();
  await show(page).waitFor();
  await page.waitForTimeout(300);
  assert.deepEqual(page.calls, [], 'nothing goes anywhere before a choice');
  await show(page).click();
  await page.getByText('The relay has whisper-1 write it down, on its own machine.').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.deepEqual(page.calls, []);
  await show(page).click();
  await page.getByRole('button', { name: 'Write it down' }).click();
  const text = page.locator('.spoken');
  await text.waitFor();
  assert.deepEqual(await text.evaluate((el) => [el.textContent, el.lang, el.dir]), ['Der Weg am See ist wieder offen.', 'de', 'auto']);
  assert.match(await line(page).innerText(), /Written by a machine · whisper-1\s+Hide text/);
  assert.equal(await page.locator('.voice .play').isEnabled(), true, 'the player stays');
  await until('it is told in one line', async () => /wieder offen/.test(await page.locator('p[aria-live="polite"]').innerText()));
  assert.equal(page.calls[0].file_id, page.first.file_id);
  const calls = page.calls.length;
  assert.deepEqual(await axe(page), []);

  await page.getByRole('button', { name: 'Hide text' }).click();
  await text.waitFor({ state: 'detached' });
  await show(page).click();
  await text.waitFor();

  // the relay scrubs what is final; this device remembers
  await until('the relay has let it go', async () => ((await relay.call('GET', `/api/v1/messages/${page.first.message_id}`, undefined, ben.token)).message?.scrubbed_at), 30_000);
  await page.reload();
  await text.waitFor();
  assert.equal(page.calls.length, calls, 'what is kept is not asked for again');
  await page.getByRole('button', { name: /^Search here/ }).click();
  await page.locator('.find input').fill('am see');
  await until('the message is found by its words', async () => /1/.test(await page.locator('.find [role=status]').innerText()));
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('what-the-relay-let-go-is-lent-to-it', async () => {
  const page = await listener();
  const gone = async () => (await relay.call('GET', `/api/v1/webchat/files/${page.first.file_id}`, undefined, ben.token)).status === 404;
  await until('the relay has let the recording go', gone, 30_000);
  const heard = await engine.heard();
  await show(page).click();
  await page.getByText('What the relay has let go already, this device sends there again').waitFor();
  const deleted = page.waitForRequest((r) => r.method() === 'DELETE' && r.url().includes('/files/'));
  await page.getByRole('button', { name: 'Write it down' }).click();
  await page.locator('.spoken').waitFor();
  const lent = decodeURIComponent(new URL((await deleted).url()).pathname.split('/').pop());
  assert.deepEqual(page.calls.map((c) => c.file_id), [page.first.file_id, lent]);
  assert.equal((await engine.heard()) - heard, 1);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('withdrawn-with-its-words', async () => {
  const page = await listener();
  await show(page).click();
  await page.getByRole('button', { name: 'Write it down' }).click();
  await page.locator('.spoken').waitFor();
  await ben.call('DELETE', `/api/v1/messages/${page.first.message_id}`);
  await page.locator('.msg', { hasText: 'Message withdrawn' }).waitFor();
  const kept = await page.evaluate(async () => {
    const name = (await indexedDB.databases()).find((d) => d.name.startsWith('webchat:')).name;
    const db = await new Promise((done) => (indexedDB.open(name).onsuccess = (e) => done(e.target.result)));
    const rows = await new Promise((done) => (db.transaction('message').objectStore('message').getAll().onsuccess = (e) => done(e.target.result)));
    db.close();
    return JSON.stringify(rows);
  });
  assert.ok(!kept.includes('wieder offen'));
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('translated-and-read-aloud-like-a-message', async () => {
  await engine.tell({ say: { 'es:Der Weg am See ist wieder offen.': 'El camino del lago está abierto.' } });
  const page = await listener({
    init: () => {
      for (const name of ['Translator', 'LanguageDetector']) delete globalThis[name];
      globalThis.heard = [];
      speechSynthesis.getVoices = () => [{ lang: 'de-DE', name: 'Hans', localService: true }, { lang: 'es-ES', name: 'Juan', localService: true }];
      globalThis.SpeechSynthesisUtterance = function (text) { this.text = text; };
      speechSynthesis.speak = (u) => globalThis.heard.push([u.text, u.lang]);
    },
  });
  await show(page).click();
  await page.getByRole('button', { name: 'Write it down' }).click();
  await page.locator('.spoken').waitFor();
  const menu = async (item) => {
    await page.locator('.bubble').first().click({ button: 'right', position: { x: 8, y: 8 } });
    await page.getByRole('menuitem', { name: item }).click();
  };
  await menu('Read aloud');
  await until('it is read', async () => (await page.evaluate(() => globalThis.heard.length)) === 1);
  await menu('Translate');
  await page.getByRole('radio', { name: /^By the relay/ }).check();
  await page.getByLabel('I read in').selectOption({ label: 'Spanish' });
  await page.getByRole('button', { name: 'Save' }).click();
  const text = page.locator('.spoken');
  await until('it is translated', async () => (await text.textContent()) === 'El camino del lago está abierto.');
  assert.equal(await text.getAttribute('lang'), 'es');
  assert.match(await page.locator('.bubble').first().innerText(), /Translated from German · LibreTranslate/);
  await menu('Read aloud');
  await until('the translation is read', async () => (await page.evaluate(() => globalThis.heard.length)) === 2);
  assert.deepEqual(await page.evaluate(() => globalThis.heard), [['Der Weg am See ist wieder offen.', 'de-DE'], ['El camino del lago está abierto.', 'es-ES']]);
  await page.getByRole('button', { name: 'Show original' }).click();
  await until('the original is back', async () => /^Der Weg/.test(await text.textContent()));
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('by-itself-where-one-wants-it-on-all-devices', async () => {
  const page = await listener();
  await page.getByRole('button', { name: /account|settings/i }).first().waitFor();
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav .row-button').nth(5).click();
  const auto = page.getByRole('switch', { name: /^Show voice messages as text/ });
  await page.getByText('on its own machine. The recording goes no further').waitFor();
  assert.equal(await auto.isChecked(), false);
  await auto.check();
  await page.locator('.row', { hasText: 'Ben Weber' }).first().click();
  await page.locator('.spoken').waitFor();
  const own = (await engine.heard()) + 0;
  await page.locator('#compose').waitFor();
  await speak(page.address);
  await until('the next one comes as text by itself', async () => (await page.locator('.spoken').count()) === 2);
  assert.equal((await engine.heard()) - own, 1);

  const again = await signedIn(browser, relay, page.address, 'Mia Santos', { init: plain, calls: '/transcribe' });
  await until('the choice is there', async () => (await again.evaluate(async () => {
    const name = (await indexedDB.databases()).find((d) => d.name.startsWith('webchat:')).name;
    const db = await new Promise((done) => (indexedDB.open(name).onsuccess = (e) => done(e.target.result)));
    const row = await new Promise((done) => (db.transaction('meta').objectStore('meta').get('settings').onsuccess = (e) => done(e.target.result)));
    db.close();
    return row?.v?.value?.voiceAuto;
  })) === true);
  await speak(page.address);
  await again.locator('.row', { hasText: 'Ben Weber' }).first().click();
  await again.locator('.spoken').first().waitFor();
  assert.deepEqual([...page.faults, ...again.faults], []);
  await leave(page);
  await leave(again);
});

test('every-failure-has-a-sentence-and-a-way-on', async () => {
  const proxy = await startProxy(relay);
  const page = await listener({ url: proxy.page });
  const says = (re) => until(`it says ${re}`, async () => re.test(await line(page).innerText()));
  const again = page.getByRole('button', { name: 'Try again' });
  const refuse = (status, error, headers = {}) => (proxy.rule = (c) => (c.path.endsWith('/transcribe') ? { status, headers, body: { success: false, error, message: 'no', request_id: 'x' } } : undefined));
  await engine.tell({ misbehave: 'not_json' });
  await show(page).click();
  await page.getByRole('button', { name: 'Write it down' }).click();
  await says(/What came back is no text\.\s+Try again/);
  assert.match(await page.locator('p[aria-live="polite"]').innerText(), /What came back is no text/);

  await engine.tell({ misbehave: null });
  refuse(503, 'engine_unavailable', { 'Retry-After': '4' });
  await again.click();
  await says(/Whoever writes it down does not answer\. It is asked again in \d+ s\./);
  refuse(429, 'rate_limited', { 'Retry-After': '3' });
  await says(/That was a lot at once\. It is asked again in \d+ s\./);
  refuse(429, 'rate_limited', { 'Retry-After': '40000' });
  await says(/Enough was written down for today\. It goes on at /);
  proxy.rule = () => undefined;

  await page.reload();
  await show(page).waitFor();
  for (const [status, error, words] of [
    [413, 'too_large', /too long to be written down\. You can still listen to it\.$/],
    [404, 'unknown_file', /does not have the recording any more, so nobody can write it down\.$/],
    [400, 'invalid_field', /Recordings of this kind cannot be written down\.$/],
    [404, 'transcription_off', /This relay writes nothing down any more\.$/],
  ]) {
    refuse(status, error);
    await show(page).click();
    await says(words);
    assert.equal(await again.count(), 0, 'asking again would change nothing');
    await page.reload();
    await show(page).waitFor();
  }
  assert.equal(await page.locator('.voice .play').isEnabled(), true);
  proxy.rule = () => undefined;
  await engine.tell({ transcript: { text: '' } });
  await show(page).click();
  await says(/Nothing was said\. · whisper-1/);
  await proxy.stop();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('narrow-dark-and-from-right-to-left', async () => {
  const page = await listener(small);
  await engine.tell({ transcript: { text: 'الطريق بجانب البحيرة مفتوح من جديد، فلنلتق عند الجسر في التاسعة والنصف.', language: 'ar' } });
  await show(page).tap();
  await page.getByRole('button', { name: 'Write it down' }).tap();
  await page.locator('.spoken').waitFor();
  for (const theme of ['light', 'dark', 'contrast-dark']) {
    await page.evaluate((t) => (document.documentElement.dataset.theme = t), theme);
    assert.deepEqual(await axe(page), [], theme);
  }
  assert.deepEqual(await tooWide(page), []);
  await page.evaluate(() => localStorage.setItem('webchat.look', JSON.stringify({ language: 'ar', theme: 'dark' })));
  await page.reload();
  await page.locator('.spoken').waitFor();
  assert.deepEqual(await tooWide(page), []);
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('relay-without-an-engine-offers-nothing', async () => {
  const page = await listener();
  await show(page).click();
  await page.getByRole('button', { name: 'Write it down' }).click();
  await page.locator('.spoken').waitFor();
  await page.route('**/webchat/config', async (r) => {
    const config = await (await r.fetch()).json();
    delete config.transcription;
    config.features.transcription = false;
    await r.fulfill({ json: config });
  });
  await speak(page.address);
  await page.reload();
  await until('both are there', async () => (await page.locator('.voice').count()) === 2);
  await page.locator('.spoken').waitFor();
  await until('nobody is offered', async () => (await show(page).count()) === 0);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

/** A browser that writes down what the test says. */
const recognizer = () => {
  globalThis.takes = [];
  globalThis.SpeechRecognition = class extends EventTarget {
    constructor() {
      super();
      globalThis.takes.push(this);
    }
    start() { this.on = true; }
    abort() { if (this.on) { this.on = false; this.dispatchEvent(new Event('end')); } }
    stop() { this.abort(); }
    hear(text, isFinal = true) {
      this.dispatchEvent(Object.assign(new Event('result'), { resultIndex: 0, results: [Object.assign([{ transcript: text }], { isFinal })] }));
    }
    fail(error) {
      this.dispatchEvent(Object.assign(new Event('error'), { error }));
      this.abort();
    }
  };
};

test('dictation-only-when-asked-for-and-stays-a-draft', async () => {
  const page = await signedIn(browser, relay, `speaker-${++count}`, 'Mia Santos', { init: recognizer, to: 'ben' });
  const start = page.getByRole('button', { name: 'Dictate', exact: true });
  assert.equal(await start.count(), 0, 'off until somebody asks for it');
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav .row-button').nth(5).click();
  await page.getByText('its maker may hear what you say').waitFor();
  await page.getByRole('switch', { name: /^Dictation/ }).check();
  await talkTo(page, 'ben');
  const area = page.locator('#compose');
  await area.fill('I come, but late.');
  await area.evaluate((el) => el.setSelectionRange(7, 7));
  await start.click();
  await page.getByText('Listening…').waitFor();
  const take = (what, ...words) => page.evaluate(([what, words]) => globalThis.takes.at(-1)[what](...words), [what, words]);
  assert.equal(await page.evaluate(() => globalThis.takes.at(-1).lang), 'en');
  await take('hear', 'perhaps with', false);
  await page.locator('.heard', { hasText: 'perhaps with' }).waitFor();
  assert.equal(await area.inputValue(), 'I come, but late.', 'what may still change is not written');
  assert.deepEqual(await axe(page), []);
  await take('hear', 'perhaps with coffee,');
  await holds(area, 'I come, perhaps with coffee, but late.');
  await page.getByRole('button', { name: 'Stop dictating' }).click();
  await until('it listens no more', async () => (await page.locator('.heard').count()) === 0);
  assert.equal(await page.evaluate(() => globalThis.takes.at(-1).on), false);
  assert.equal(await page.locator('.msg').count(), 0, 'nothing is sent by itself');
  await page.waitForTimeout(500);
  await page.reload();
  await holds(area, 'I come, perhaps with coffee, but late.');
  await start.click();
  await until('it listens', async () => (await page.evaluate(() => globalThis.takes.length)) === 1);
  await take('fail', 'not-allowed');
  await page.getByText('The microphone is not allowed.').waitFor();
  await start.click();
  await page.getByText('Listening…').waitFor();
  await page.keyboard.press('Escape');
  await until('Escape ends it', async () => (await page.locator('.heard').count()) === 0);
  await resize(page, { width: 320, height: 640 });
  await start.click();
  await page.getByText('Listening…').waitFor();
  assert.deepEqual(await tooWide(page), []);
  assert.deepEqual(page.faults, []);
  await leave(page);
});
