// Reading in one's own language, over a real relay whose engine is a stand-in that also misbehaves.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browserTranslator, plain, relayWith, startEngine } from './engine.mjs';
import { axe, holds, launch, leave, resize, signedIn, small, tooWide, until, write } from './lib.mjs';

let engine, relay, browser, ben;
let count = 0;

before(async () => {
  [engine, browser] = await Promise.all([startEngine(), launch()]);
  relay = await relayWith(engine);
  ben = await relay.user('ben', 'Ben Weber');
});
after(async () => {
  await browser?.close();
  await relay?.stop();
  await engine?.stop();
});

/** Somebody new who looks at what Ben wrote; `calls`: what their page asked the relay to translate. */
async function readerOf(texts, o = {}) {
  const address = `reader-${++count}`;
  const page = await signedIn(browser, relay, address, 'Mia Santos', { init: plain, calls: '/translate', ...o });
  for (const [text, more] of texts) await ben.send(address, text, more);
  await page.locator('.row', { hasText: 'Ben Weber' }).first().click();
  if (texts.length) await bubble(page, texts.at(-1)[0].split('\n')[0]).waitFor();
  return Object.assign(page, { address });
}
const de = { lang: 'de' };
/** By words as they are written: the engine answers in capitals. */
const bubble = (page, text) => page.locator('.msg', { hasText: new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) });
const button = (page) => page.getByRole('button', { name: 'Translation', exact: true });
const line = (page, text) => page.locator('.msg', { hasText: text }).locator('.trans');

/** The choice at the first press: by the relay, unless `who` says another one. */
async function choose(page, who = /^By the relay/, into = 'Spanish') {
  await page.getByRole('radio', { name: who }).check();
  if (into) await page.getByLabel('I read in').selectOption({ label: into });
  await page.getByRole('button', { name: 'Save' }).click();
}

/** To the last message by keys; letters are for who comes to it that way. */
async function toLast(page) {
  await page.locator('#compose').focus();
  await page.keyboard.press('ArrowUp');
}

async function turnOn(page, ...choice) {
  await button(page).click();
  await choose(page, ...choice);
}

const stored = (page) =>
  page.evaluate(async () => {
    const name = (await indexedDB.databases()).find((d) => d.name.startsWith('webchat:')).name;
    const db = await new Promise((done) => (indexedDB.open(name).onsuccess = (e) => done(e.target.result)));
    const rows = await new Promise((done) => (db.transaction('translation').objectStore('translation').getAll().onsuccess = (e) => done(e.target.result)));
    db.close();
    return rows.map((r) => r.v.of);
  });

test('J7 reading-in-ones-own-language', async () => {
  await engine.tell({ say: { 'es:Guten Morgen zusammen': 'Buenos días a todos', 'es:Der Weg am See ist wieder offen': 'El camino del lago está abierto de nuevo' } });
  const before = (await engine.asked()).length;
  const page = await readerOf([['Guten Morgen zusammen', de], ['Der Weg am See ist wieder offen', de], ['see you there everybody', { lang: 'es' }], ['Karte: https://maps.example.org/B7?x=1#y', de]]);
  await write(page, 'mein eigener langer Satz');
  await until('it is sent', async () => (await page.locator('.msg.mine[data-state="waiting"]').count()) === 0);
  assert.deepEqual([page.calls, (await engine.asked()).length], [[], before], 'nothing goes anywhere before a choice');
  assert.equal(await button(page).getAttribute('aria-pressed'), 'false');

  await button(page).click();
  await page.getByText('No words go anywhere before you choose.').waitFor();
  await page.getByText('LibreTranslate runs on the relay\'s own machine.').waitFor();
  assert.equal(await page.getByRole('radio', { name: /^On this device/ }).isDisabled(), true, 'this browser has no translator');
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.deepEqual(page.calls, []);
  await turnOn(page);

  const first = bubble(page, 'Buenos días a todos');
  await first.waitFor();
  assert.deepEqual(await first.locator('.text').evaluate((el) => [el.lang, el.dir]), ['es', 'auto']);
  assert.match(await first.locator('.trans').innerText(), /Translated from German · LibreTranslate\s+Show original/);
  assert.equal(await button(page).getAttribute('aria-pressed'), 'true');
  assert.deepEqual(page.calls.map((c) => [c.source, c.target, c.texts.length]), [['de', 'es', 3]], 'one call; neither one\'s own words nor what is in Spanish');
  assert.equal(page.calls[0].texts[0], 'Karte: https://maps.example.org/B7?x=1#y', 'the newest first');
  assert.ok(!(await engine.asked()).flat().some((t) => /eigener|everybody/.test(t)));
  assert.equal(await bubble(page, 'KARTE').locator('a').getAttribute('href'), 'https://maps.example.org/B7?x=1#y', 'a link comes back byte for byte');
  await until('it is told in one line', async () => /3 messages translated/.test(await page.locator('p[aria-live="polite"]').innerText()));

  await first.getByRole('button', { name: 'Show original' }).click();
  const original = bubble(page, 'Guten Morgen zusammen');
  assert.equal(await original.locator('.text').getAttribute('lang'), 'de');
  assert.match(await original.locator('.trans').innerText(), /Original \(German\)\s+Show translation/);
  await original.getByRole('button', { name: 'Show translation' }).click();
  await first.waitFor();

  await page.reload();
  await first.waitFor();
  assert.equal(page.calls.length, 1, 'what is kept with the messages is not asked for again');

  const sent = await ben.send(page.address, 'Das war falsch geschrieben', de);
  await bubble(page, 'DAS WAR FALSCH GESCHRIEBEN').waitFor();
  await ben.call('PATCH', `/api/v1/messages/${sent.message_id}`, { text: 'Das ist richtig geschrieben' });
  await bubble(page, 'DAS IST RICHTIG GESCHRIEBEN').waitFor();
  assert.ok(!(await stored(page)).includes('Das war falsch geschrieben'));
  await ben.call('DELETE', `/api/v1/messages/${sent.message_id}`);
  await page.locator('.msg', { hasText: 'Message withdrawn' }).waitFor();
  await until('its translation is gone', async () => !(await stored(page)).includes('Das ist richtig geschrieben'));

  await button(page).click();
  await page.getByRole('menuitemcheckbox', { name: 'Do not translate this chat' }).click();
  await bubble(page, 'Guten Morgen zusammen').waitFor();
  const calls = page.calls.length;
  await ben.send(page.address, 'Das wird nicht mehr übersetzt', de);
  await bubble(page, 'Das wird nicht mehr übersetzt').waitFor();
  await page.waitForTimeout(600);
  assert.equal(page.calls.length, calls);
  await button(page).click();
  await page.getByRole('menuitemcheckbox', { name: 'Translate this chat', exact: true }).click();
  await bubble(page, 'DAS WIRD NICHT MEHR').waitFor();

  await bubble(page, 'DAS WIRD NICHT MEHR').locator('.bubble').click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Delete for me' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await until('it is forgotten with its message', async () => !(await stored(page)).includes('Das wird nicht mehr übersetzt'));
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('U32 translation-marked-original-never-lost', async () => {
  const page = await readerOf([['Hier steht das Original', de]], { init: undefined }); // whatever this browser has
  const notice = page.locator('.talk > .banner');
  await engine.tell({ misbehave: '429' });
  await turnOn(page);
  await notice.waitFor();
  assert.match(await notice.innerText(), /does not answer. It is asked again in \d+ s/);
  const alone = page.calls.length;
  for (let i = 0; i < 5; i++) {
    await ben.send(page.address, `Noch etwas dazu, Nummer ${i}`, de);
    await bubble(page, `Nummer ${i}`).waitFor();
  }
  assert.equal(page.calls.length, alone, 'nobody hammers');
  assert.equal(await page.locator('.trans').count(), 0);
  await bubble(page, 'Hier steht das Original').waitFor();
  await engine.tell({ misbehave: null });
  await bubble(page, 'HIER STEHT DAS ORIGINAL').waitFor({ timeout: 30_000 });
  await until('all of it', async () => (await page.locator('.trans').count()) === 6);
  assert.equal(await notice.count(), 0);
  assert.ok(page.calls.length <= alone + 2, `${page.calls.length} calls`);

  for (const misbehave of ['hang', '500', 'not_json', 'half_json', 'wrong_types', 'blank', 'nul', 'two_lines', 'turned', 'too_long', 'redirect', 'close', 'cut']) {
    await engine.tell({ misbehave });
    const text = `Wort für Wort bei ${misbehave}`;
    await ben.send(page.address, text, de);
    await bubble(page, text).waitFor();
    const had = page.calls.length;
    await until(`${misbehave} is told`, async () => (await notice.count()) === 1, 30_000);
    await page.waitForTimeout(300);
    assert.ok(page.calls.length <= had + 1, misbehave);
    assert.equal(await bubble(page, text).locator('.text').innerText(), text, misbehave);
    assert.equal(await bubble(page, text).locator('.trans').count(), 0, misbehave);
    await engine.tell({ misbehave: null });
    if (misbehave === 'hang') await engine.tell({ let_go: true });
    // what is asked for again by itself comes; what was nonsense comes when somebody asks
    const again = notice.getByRole('button', { name: 'Try again' });
    await until(`${misbehave} is over`, async () => {
      if (await again.count()) await again.click({ timeout: 500 }).catch(() => undefined);
      return (await bubble(page, text.toUpperCase()).count()) > 0;
    }, 60_000);
  }
  await bubble(page, 'HIER STEHT DAS ORIGINAL').getByRole('button', { name: 'Show original' }).click();
  await bubble(page, 'Hier steht das Original').waitFor();
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('U32 wrong-placeholders-and-markup-show-as-text', async () => {
  await engine.tell({ say: { 'es:Frag @ben oder lies `make check` nach': '<b>Frag</b> @BEN MAKE CHECK <img src=x onerror=alert(1)>' } });
  const page = await readerOf([['Frag @ben oder lies `make check` nach', de], ['```\nnur Code\n```', de], ['👍 👍', de]]);
  await turnOn(page);
  const b = page.locator('.msg', { hasText: '@ben' });
  await b.locator('.trans').waitFor();
  assert.equal(await b.locator('code').innerText(), 'make check');
  assert.match(await b.locator('.text').innerText(), /@ben/);
  assert.equal(await page.locator('.text img, .text b').count(), 0);
  assert.equal(await page.locator('.trans').count(), 1, 'code and emoji are left alone');
  await leave(page);
});

test('U32 only-what-is-in-view-twenty-at-a-time', async () => {
  const page = await readerOf(Array.from({ length: 45 }, (_, i) => [`Nachricht mit der Nummer ${i}.`, de]));
  await resize(page, { width: 1280, height: 420 });
  await page.locator('.time').evaluate((b) => (b.scrollTop = b.scrollHeight));
  await turnOn(page);
  await bubble(page, 'NUMMER 44.').waitFor();
  const asked = () => page.calls.flatMap((c) => c.texts);
  assert.equal(asked()[0], 'Nachricht mit der Nummer 44.');
  assert.ok(page.calls.every((c) => c.texts.length <= 20));
  assert.ok(asked().length < 20, `${asked().length} of 45 are in view`);
  assert.ok(!asked().includes('Nachricht mit der Nummer 3.'));
  await page.locator('.time').evaluate((b) => (b.scrollTop = 3));
  await bubble(page, 'NUMMER 0.').waitFor();
  assert.ok(asked().length < 45);
  assert.equal(new Set(asked()).size, asked().length, 'nothing is asked for twice');
  await leave(page);
});

test('U32 the-browser-first-and-a-language-pack-after-the-question', async () => {
  const page = await readerOf([['Guten Abend zusammen', de], ['Bonsoir à vous tous', { lang: 'fr' }]], { init: `(${browserTranslator})({ states: { 'de>es': 'available', 'fr>es': 'downloadable' } })` });
  await turnOn(page, /^On this device/);
  const done = bubble(page, 'es:Guten Abend zusammen');
  await done.waitFor();
  assert.match(await done.locator('.trans').innerText(), /Translated from German · by this device/);
  const notice = page.locator('.talk > .banner');
  await notice.getByText('The browser needs a language pack for this.').waitFor();
  assert.deepEqual(await page.evaluate(() => globalThis.device.made.map((x) => x.pair)), ['de>es'], 'nothing is fetched before');
  await notice.getByRole('button', { name: 'Fetch' }).click();
  await page.getByText('from its maker, who learns the two languages').waitFor();
  await page.locator('dialog').getByRole('button', { name: 'Fetch' }).click();
  await bubble(page, 'es:Bonsoir à vous tous').waitFor();
  assert.deepEqual(await page.evaluate(() => globalThis.device.made.at(-1)), { pair: 'fr>es', active: true });
  assert.deepEqual(page.calls, [], 'no word has left the device');
  await ben.send(page.address, 'Dobrý večer všem', { lang: 'cs' });
  await notice.getByText('This browser does not translate between these languages.').waitFor();
  assert.deepEqual(page.calls, [], 'nor does one for which the browser has nothing');
  await leave(page);
});

test('U32 an-engine-that-was-exchanged-is-agreed-to-anew', async () => {
  const page = await readerOf([['Guten Tag zusammen', de]]);
  await turnOn(page);
  await bubble(page, 'GUTEN TAG ZUSAMMEN').waitFor();
  const calls = page.calls.length;
  await page.route('**/webchat/config', async (route) => {
    const answer = await route.fetch();
    const json = await answer.json();
    await route.fulfill({ response: answer, json: { ...json, translation: { ...json.translation, engine: 'remote', name: 'DeepL' } } });
  });
  await page.reload();
  await bubble(page, 'GUTEN TAG ZUSAMMEN').waitFor();
  await until('the page knows', () => page.evaluate(() => document.querySelector('.foot')?.textContent.includes('up to date')));
  await ben.send(page.address, 'Wer liest das jetzt', de);
  const notice = page.locator('.talk > .banner');
  await notice.getByText('another translator now').waitFor();
  assert.equal(page.calls.length, calls);
  await notice.getByRole('button', { name: 'Choose' }).click();
  await page.getByText('The relay hands the words to DeepL, who can read and keep them.').waitFor();
  await choose(page, /^By the relay, with DeepL/, null);
  await bubble(page, 'WER LIEST DAS JETZT').waitFor();
  await leave(page);
});

test('one-message-by-its-menu-by-T-and-when-nobody-can-tell-its-language', async () => {
  await engine.tell({ detected: 'de', say: { 'en:Ja klar': 'Sure' } });
  const page = await readerOf([['Ja klar']]);
  const b = page.locator('.msg:not(.mine)');
  await b.locator('.bubble').click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Translate' }).click();
  await choose(page, /^By the relay/, 'English');
  await bubble(page, 'Sure').waitFor();
  assert.match(await b.locator('.trans').innerText(), /Translated from German/);
  assert.equal(await button(page).getAttribute('aria-pressed'), 'false', 'one message, not the chat');
  await until('it is told', async () => /Sure/.test(await page.locator('p[aria-live="polite"]').innerText()));
  await toLast(page);
  await page.keyboard.press('t');
  await bubble(page, 'Ja klar').waitFor();
  await page.keyboard.press('t');
  await bubble(page, 'Sure').waitFor();
  await engine.tell({ misbehave: '500' });
  await ben.send(page.address, 'Nein danke');
  const other = bubble(page, 'Nein danke');
  await other.waitFor();
  await toLast(page);
  await page.keyboard.press('t');
  await other.getByText(/does not answer|not with a translation/).waitFor();
  assert.equal(await other.locator('.text').innerText(), 'Nein danke');
  await engine.tell({ misbehave: null });
  await leave(page);
});

test('languages-are-on-every-device-and-a-conflict-loses-nothing', async () => {
  const page = await readerOf([['Guten Tag zusammen', de]]);
  await turnOn(page);
  await bubble(page, 'GUTEN TAG ZUSAMMEN').waitFor();
  await until('it is on the relay', async () => JSON.parse((await (await relay.user(page.address)).call('GET', '/api/v1/webchat/prefs')).prefs || '{}').reading?.chats?.['pchat:ben']?.to === 'es');
  const again = await relay.user(page.address);
  const prefs = async () => JSON.parse((await again.call('GET', '/api/v1/webchat/prefs')).prefs);

  // while this page writes, another device has written
  let raced = false;
  await page.route('**/webchat/prefs', async (route) => {
    if (route.request().method() === 'PUT' && !raced) {
      raced = true;
      const now = await prefs();
      now.pinned = ['ben'];
      now.reading.chats['pchat:eve'] = { to: 'fr', at: Date.now() };
      await again.call('PUT', '/api/v1/webchat/prefs', { prefs: JSON.stringify(now) });
    }
    await route.continue();
  });
  await button(page).click();
  await page.getByRole('menuitemcheckbox', { name: 'Do not translate this chat' }).click();
  await until('both are there', async () => {
    const p = await prefs();
    return raced && p.pinned?.[0] === 'ben' && p.reading.chats['pchat:eve']?.to === 'fr' && p.reading.chats['pchat:ben'].to === 'off';
  });

  const second = await signedIn(browser, relay, page.address, 'Mia Santos', { to: 'ben' });
  assert.equal(await second.getByRole('button', { name: 'Translation', exact: true }).getAttribute('aria-pressed'), 'false', 'who translates is chosen on each device');
  await button(second).click();
  await holds(second.getByLabel('I read in'), 'es');
  await leave(page);
  await leave(second);
});

test('messages-say-their-language', async () => {
  const page = await readerOf([['Guten Tag zusammen', de]], { init: `(${browserTranslator})({ lang: 'pt', slow: 150 })` });
  const langOf = async (text) => {
    await write(page, text);
    let got;
    await until(`"${text}" arrives`, async () => (got = (await ben.poll()).find((m) => m.text === text)));
    return got.lang;
  };
  // nobody waits long for a language, so the first may go without
  await until('a language is found', async () => (await langOf('Vejo vocês amanhã na ponte')) === 'pt');
  assert.equal(await langOf('ok'), undefined);
  assert.equal(await langOf('ασφαλώς'), 'el');
  await page.evaluate(() => {
    // faster than any language is found
    const el = document.querySelector('#compose');
    for (let i = 0; i < 5; i++) {
      el.value = i % 2 ? `${i}` : `${i} e mais umas palavras`;
      el.dispatchEvent(new InputEvent('input', { bubbles: true }));
      el.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
    }
  });
  const order = [];
  await until('all arrive', async () => (order.push(...(await ben.poll()).filter((m) => m.from === page.address).map((m) => m.text[0])), order.length === 5));
  assert.deepEqual(order, ['0', '1', '2', '3', '4'], 'in order');
  assert.deepEqual(page.calls, []);
  await leave(page);
});

test('words-are-translated-before-they-leave-and-come-back-at-a-press', async () => {
  await engine.tell({ detected: 'en', say: { 'de:See you at the bridge': 'Wir sehen uns an der Brücke' } });
  const page = await readerOf([['Guten Tag zusammen', de]]);
  await turnOn(page, /^By the relay/, 'English');
  const compose = page.locator('#compose');
  await compose.fill('See you at the bridge');
  await page.getByRole('button', { name: 'Translate into: German' }).click();
  await holds(compose, 'Wir sehen uns an der Brücke');
  await page.locator('.draft-line', { hasText: 'See you at the bridge' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await holds(compose, 'See you at the bridge');
  await page.getByRole('button', { name: 'Translate into: German' }).click();
  await page.getByRole('button', { name: 'Undo' }).waitFor();
  await until('the draft is kept', async () => page.evaluate(async () => {
    const name = (await indexedDB.databases()).find((d) => d.name.startsWith('webchat:')).name;
    const db = await new Promise((done) => (indexedDB.open(name).onsuccess = (e) => done(e.target.result)));
    const rows = await new Promise((done) => (db.transaction('draft').objectStore('draft').getAll().onsuccess = (e) => done(e.target.result)));
    db.close();
    return rows[0]?.v.swap?.text === 'See you at the bridge';
  }));
  await page.reload();
  await page.getByRole('button', { name: 'Undo' }).waitFor();
  await holds(compose, 'Wir sehen uns an der Brücke');
  await compose.press('Enter');
  await until('it arrives with its language', async () => (await ben.poll()).some((m) => m.text === 'Wir sehen uns an der Brücke' && m.lang === 'de'));
  await engine.tell({ misbehave: '500' });
  await compose.fill('Nothing is lost here');
  await page.getByRole('button', { name: 'Translate into: German' }).click();
  await page.locator('.toast.bad').waitFor();
  assert.equal(await compose.inputValue(), 'Nothing is lost here');
  await engine.tell({ misbehave: null, detected: 'de' });
  await leave(page);
});

test('read-aloud-in-the-language-of-what-is-shown-or-no-voice', async () => {
  const voices = () => {
    delete globalThis.Translator;
    const said = (globalThis.said = []);
    globalThis.SpeechSynthesisUtterance = class {
      constructor(text) {
        this.text = text;
      }
    };
    const list = [{ lang: 'de_DE', name: 'near', localService: true }, { lang: 'es-ES', name: 'far', localService: false }];
    Object.defineProperty(globalThis, 'speechSynthesis', { value: { speaking: false, getVoices: () => list, speak: (u) => said.push([u.text, u.lang, u.voice.name]), cancel() {}, addEventListener() {}, removeEventListener() {} } });
  };
  const page = await readerOf([['Guten Tag zusammen', de]], { init: voices });
  await toLast(page);
  await page.keyboard.press('l');
  await until('it is read', () => page.evaluate(() => globalThis.said.length === 1));
  assert.deepEqual(await page.evaluate(() => globalThis.said[0]), ['Guten Tag zusammen', 'de_DE', 'near']);
  await turnOn(page);
  await bubble(page, 'GUTEN TAG ZUSAMMEN').waitFor();
  await toLast(page);
  await page.keyboard.press('l');
  await page.getByText('No voice for Spanish on this device.').waitFor();
  assert.equal(await page.evaluate(() => globalThis.said.length), 1, 'a voice of somebody\'s servers would get the words');
  await leave(page);
});

test('on-a-small-screen-from-right-to-left', async () => {
  await engine.tell({ say: { 'ar:Guten Morgen zusammen, der Weg am See ist wieder offen': 'صباح الخير جميعًا، الطريق على البحيرة مفتوح من جديد' } });
  const page = await readerOf([['Guten Morgen zusammen, der Weg am See ist wieder offen', de], ['Kommt jemand mit dem Auto', de]], { ...small, colorScheme: 'dark' });
  await page.evaluate(() => localStorage.setItem('webchat.look', JSON.stringify({ theme: 'dark', textSize: 100, motion: 'system', language: 'ar' })));
  await page.reload();
  await page.locator('.talk-head [aria-label="الترجمة"]').click();
  await page.locator('.ways').waitFor();
  assert.deepEqual(await tooWide(page), []);
  assert.deepEqual(await axe(page), []);
  await page.locator('.way input[value="relay"]').check();
  await holds(page.locator('#translate-into'), 'ar');
  await page.locator('dialog button[type="submit"]').click();
  await page.locator('.trans').first().waitFor();
  assert.equal(await page.locator('.msg .text').first().evaluate((el) => getComputedStyle(el).direction), 'rtl');
  assert.deepEqual(await tooWide(page), []);
  assert.deepEqual(await axe(page), []);
  await page.locator('#compose').fill('مرحبا');
  await page.locator('.draft-line').waitFor();
  assert.deepEqual(await tooWide(page), []);
  await page.locator('.talk-head [aria-label="الترجمة"]').click();
  await page.getByRole('menu').waitFor();
  assert.deepEqual(await tooWide(page), []);
  await page.keyboard.press('Escape');
  await page.locator('.talk-head .back').click();
  await page.evaluate(() => undefined);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('U32 a-pair-for-which-nothing-comes-leaves-a-way-to-the-relay', async () => {
  const page = await readerOf([['Guten Abend zusammen', de]], { init: `(${browserTranslator})({ states: { 'de>es': 'downloadable' } }); Translator.create = (o) => Promise.reject(new DOMException('no network', 'NetworkError'))` });
  await turnOn(page, /^On this device/);
  const notice = page.locator('.talk > .banner');
  await notice.getByRole('button', { name: 'Fetch' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Fetch' }).click();
  await page.locator('.toast.bad').waitFor();
  await bubble(page, 'Guten Abend zusammen').waitFor();
  assert.deepEqual(page.calls, []);
  await notice.getByRole('button', { name: 'Choose' }).click();
  await choose(page, /^By the relay/, null);
  await bubble(page, 'GUTEN ABEND ZUSAMMEN').waitFor();
  await leave(page);
});

test('settings-hold-every-choice', async () => {
  const page = await readerOf([['Guten Tag zusammen', de], ['Bonjour à tout le monde', { lang: 'fr' }]]);
  await page.keyboard.press('Control+,');
  await page.getByRole('button', { name: 'Advanced relay, phone bridge, translation' }).click();
  assert.equal(await page.getByRole('switch', { name: /^Translate all chats/ }).isDisabled(), true);
  await page.getByRole('radio', { name: /^By the relay/ }).check();
  await page.getByLabel('I read in').selectOption('es');
  await page.getByLabel('I also read').selectOption('fr');
  await page.getByRole('button', { name: 'Remove French' }).waitFor();
  await page.getByRole('switch', { name: /^Translate all chats/ }).check();
  await page.getByLabel('I write in').selectOption('en');
  assert.deepEqual(await axe(page), []);
  await page.locator('.row', { hasText: 'Ben Weber' }).first().click();
  await bubble(page, 'GUTEN TAG ZUSAMMEN').waitFor();
  assert.deepEqual(page.calls.flatMap((c) => c.texts), ['Guten Tag zusammen'], 'French is read as it is');
  await write(page, 'My answer to all of you');
  await until('it says its language', async () => (await ben.poll()).some((m) => m.text === 'My answer to all of you' && m.lang === 'en'));
  await write(page, 'שלום לכולם');
  await until('letters tell better', async () => (await ben.poll()).some((m) => m.text === 'שלום לכולם' && m.lang === 'he'));
  await page.keyboard.press('Control+,');
  await page.getByRole('button', { name: 'Advanced relay, phone bridge, translation' }).click();
  await page.getByRole('radio', { name: /^Off/ }).check();
  await page.locator('.row', { hasText: 'Ben Weber' }).first().click();
  await bubble(page, 'Guten Tag zusammen').waitFor();
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('U32 an-engine-that-is-gone-takes-nothing-with-it', async () => {
  const page = await readerOf([['Guten Tag zusammen', de]]);
  await turnOn(page);
  await bubble(page, 'GUTEN TAG ZUSAMMEN').waitFor();
  await engine.stop();
  await ben.send(page.address, 'Ist noch jemand da', de);
  await page.locator('.talk > .banner').getByText('The translator does not answer.').waitFor();
  await bubble(page, 'Ist noch jemand da').waitFor();
  await bubble(page, 'GUTEN TAG ZUSAMMEN').waitFor();
  await page.reload();
  await bubble(page, 'GUTEN TAG ZUSAMMEN').waitFor();
  await bubble(page, 'Ist noch jemand da').waitFor();
  assert.deepEqual(page.faults, []);
  await leave(page);
});
