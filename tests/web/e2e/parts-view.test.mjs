// The timeline and the list: the view never jumps, reading is what was seen, tabs share one voice.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bubble, holds, launch, resize, signedIn, startRelay, talkTo, until, write } from './lib.mjs';

let relay, browser, page, ben, eve;

before(async () => {
  [relay, browser] = await Promise.all([startRelay(), launch()]);
  ben = await relay.user('ben', 'Ben');
  eve = await relay.user('eve', 'Eve');
  page = await signedIn(browser, relay, 'mia', 'Mia');
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});

const time = () => page.locator('.time');
const row = (name) => page.locator('.row', { hasText: name }).first();
const gap = () => time().evaluate((b) => Math.round(b.scrollHeight - b.scrollTop - b.clientHeight));
const leave = async () => {
  await page.keyboard.press('Escape');
  await page.locator('.talk.none').waitFor();
};
/** Where the first row in view is: its key and its top. */
const anchor = () =>
  time().evaluate((b) => {
    const top = b.getBoundingClientRect().top;
    const el = [...b.querySelectorAll('[data-key]')].find((x) => x.getBoundingClientRect().bottom > top + 40);
    return { key: el.dataset.key, top: Math.round(el.getBoundingClientRect().top - top) };
  });
const placeOf = (key) => time().evaluate((b, k) => Math.round(b.querySelector(`[data-key="${k}"]`).getBoundingClientRect().top - b.getBoundingClientRect().top), key);

test('U13 divider-in-top-third', async () => {
  for (let i = 0; i < 40; i++) await ben.send('mia', `old ${i} ${'word '.repeat(i % 9)}`);
  await row('Ben').waitFor();
  await row('Ben').click();
  await bubble(page, 'old 39').waitFor();
  await until('all is read', async () => (await row('Ben').locator('.badge').count()) === 0 || (await time().evaluate((b) => (b.scrollTop = b.scrollHeight))) < 0);
  await leave();
  for (let i = 0; i < 25; i++) await ben.send('mia', `new ${i}`);
  await until('25 unread', async () => (await row('Ben').locator('.badge').innerText()).startsWith('25'));
  await row('Ben').click();
  await page.locator('.unread').waitFor();
  const { top, height } = await page.evaluate(() => {
    const b = document.querySelector('.time').getBoundingClientRect();
    return { top: document.querySelector('.unread').getBoundingClientRect().top - b.top, height: b.height };
  });
  assert.ok(top >= 0 && top <= height / 3, `the divider is at ${top} of ${height}`);
  assert.match(await page.locator('.unread').innerText(), /25 new messages/);
});

test('U20 divider-stays-while-one-reads', async () => {
  await time().evaluate((b) => (b.scrollTop = b.scrollHeight));
  await until('all is read', async () => (await row('Ben').locator('.badge').count()) === 0);
  assert.equal(await page.locator('.unread').count(), 1);
  await ben.send('mia', 'and one more');
  await bubble(page, 'and one more').waitFor();
  assert.match(await page.locator('.unread').innerText(), /25 new messages/);
  await leave();
  await row('Ben').click();
  await bubble(page, 'and one more').waitFor();
  assert.equal(await page.locator('.unread').count(), 0);
});

test('U15 scrolled-up-stays-and-counts', async () => {
  await time().evaluate((b) => (b.scrollTop = b.scrollHeight / 2));
  await until('away', async () => (await page.locator('.jump').count()) === 1);
  const before = await anchor();
  await ben.send('mia', 'while you read above');
  await ben.send('mia', 'two');
  await until('counted', async () => (await page.locator('.jump .badge').count()) === 1 && (await page.locator('.jump .badge').innerText()) === '2');
  assert.ok(Math.abs((await placeOf(before.key)) - before.top) <= 1);
});

test('U17 jump-ends-at-last', async () => {
  await page.locator('.jump .round').click();
  await until('at the end', async () => (await gap()) <= 15);
  await until('the button goes', async () => (await page.locator('.jump').count()) === 0);
  assert.equal(await page.locator('.msg').last().locator('.text').innerText(), 'two');
});

test('U16 bottom-follows-resizes', async () => {
  await page.locator('#compose').fill('a\nb\nc\nd\ne');
  await until('bottom', async () => (await gap()) <= 15);
  await resize(page, { width: 1280, height: 600 });
  await until('bottom', async () => (await gap()) <= 15);
  await page.locator('#compose').fill('');
  await resize(page, { width: 700, height: 800 });
  await until('bottom', async () => (await gap()) <= 15);
  await resize(page, { width: 1280, height: 800 });
  await ben.send('mia', 'follow me');
  await bubble(page, 'follow me').waitFor();
  await until('bottom', async () => (await gap()) <= 15);
});

test('U14 older-pages-move-nothing and U05 at-most-300-rows', async () => {
  await leave();
  for (let i = 0; i < 1000; i += 20) await Promise.all(Array.from({ length: 20 }, (_, k) => eve.send('mia', `page ${i + k} ${'lorem ipsum '.repeat((i * 7 + k * 3) % 14)}`)));
  await until('all are here', async () => (await row('Eve').locator('.badge').count()) && (await row('Eve').locator('.badge').innerText()).startsWith('999'), 30_000);
  await row('Eve').click();
  await page.locator('.unread').waitFor();
  await page.evaluate(() => (document.querySelector('.time').scrollTop = 3));
  await page.locator('.jump .round').click();
  await until('at the end', async () => (await gap()) <= 15);
  await until('all is read', async () => (await row('Eve').locator('.badge').count()) === 0);
  const first = () => time().evaluate((b) => b.querySelector('[data-key]')?.dataset.key);
  let worst = 0;
  for (let n = 0; n < 20; n++) {
    const top = await first();
    const before = await time().evaluate((b) => {
      b.scrollTop = Math.max(3, b.clientHeight * 1.2);
      const el = [...b.querySelectorAll('[data-key]')].find((x) => x.getBoundingClientRect().top > b.getBoundingClientRect().top);
      return { key: el.dataset.key, top: el.getBoundingClientRect().top - b.getBoundingClientRect().top };
    });
    const isStart = await page.locator('.event.start').count();
    if (isStart) break;
    await until('an older page is there, or there is none', async () => (await first()) !== top || (await page.locator('.event.start').count()) > 0);
    worst = Math.max(worst, Math.abs((await time().evaluate((b, k) => b.querySelector(`[data-key="${k}"]`).getBoundingClientRect().top - b.getBoundingClientRect().top, before.key)) - before.top));
    assert.ok((await page.locator('.msg').count()) <= 300, 'at most 300 rows');
  }
  assert.ok(worst <= 1, `moved by ${worst} px`);
  await page.locator('.jump .round').click();
  await until('at the end again', async () => (await gap()) <= 15 && /page 9\d\d/.test(await page.locator('.msg').last().innerText()));
});

test('U03 typing-renders-no-list-row', async () => {
  await until('all is read', async () => (await row('Eve').locator('.badge').count()) === 0);
  await page.evaluate(() => {
    globalThis.changes = [];
    new MutationObserver((l) => l.forEach((x) => x.target.isConnected && globalThis.changes.push(`${x.type} ${x.target.textContent} ${x.attributeName}`))).observe(document.querySelector('.rows'), { subtree: true, childList: true, attributes: true, characterData: true });
  });
  await page.locator('#compose').pressSequentially('quick brown fox');
  assert.deepEqual(await page.evaluate(() => globalThis.changes), []);
  await page.locator('#compose').fill('');
});

test('U19 hidden-tab-reads-nothing', async () => {
  await row('Ben').click();
  await bubble(page, 'follow me').waitFor();
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  const { message_id } = await ben.send('mia', 'nobody looks');
  await bubble(page, 'nobody looks').waitFor({ timeout: 25_000 });
  await page.waitForTimeout(1200);
  const status = async () => (await ben.call('POST', '/api/v1/webchat/receipt-status', { message_ids: [message_id] })).receipts[0].status;
  assert.notEqual(await status(), 'read');
  await page.evaluate(() => {
    delete document.visibilityState;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await until('it is read once one looks', async () => (await status()) === 'read');
});

test('U22 eight-tabs-one-poller-new-leader and U23 one-notification-over-tabs', async () => {
  const context = page.context();
  await context.addInitScript(() => {
    globalThis.shown = 0;
    class Note {
      static permission = 'granted';
      constructor() {
        globalThis.shown++;
      }
    }
    globalThis.Notification = Note;
    Object.defineProperty(navigator, 'serviceWorker', { value: undefined });
    Document.prototype.hasFocus = () => false;
  });
  const polls = new Map();
  const tabs = [];
  for (let i = 0; i < 7; i++) {
    const tab = await context.newPage();
    await tab.goto(relay.page);
    tabs.push(tab);
  }
  for (const tab of tabs) await tab.locator('.row').first().waitFor();
  const all = [page, ...tabs];
  for (const tab of all) tab.on('request', (r) => r.url().endsWith('/poll') && polls.set(tab, (polls.get(tab) ?? 0) + 1));
  await ben.send('mia', 'to eight tabs');
  for (const tab of tabs) await tab.locator('.row', { hasText: 'to eight tabs' }).waitFor();
  assert.equal(polls.size, 1, 'one tab asks for all');
  const shown = (await Promise.all(tabs.map((x) => x.evaluate(() => globalThis.shown)))).reduce((a, b) => a + b, 0);
  assert.equal(shown, 1);
  const leader = [...polls.keys()][0];
  const rest = all.filter((x) => x !== leader && x !== page);
  if (leader !== page) await leader.close();
  polls.clear();
  await until('another one asks', () => polls.size === 1, 6000);
  for (const tab of rest) await tab.close();
});

test('the-sound-of-news-comes-each-time-and-lets-the-device-go', async () => {
  const nia = await signedIn(browser, relay, 'nia', 'Nia', {
    init: `globalThis.all = []; globalThis.AudioContext = class extends AudioContext {
      notes = 0;
      constructor() { super(); all.push(this); }
      createOscillator() { this.notes++; return super.createOscillator(); }
    }`,
  });
  for (const n of [1, 2]) {
    await ben.send('nia', `news ${n}`);
    await until(`sound ${n} was heard, and nothing runs on`, () => nia.evaluate((notes) => all.length === 1 && all[0].notes === notes && all[0].state === 'suspended' && all[0].currentTime > 0, 2 * n));
  }
  await nia.context().close();
});

test('U29 one-live-line-for-a-message-none-for-history', async () => {
  const live = page.locator('[aria-live="polite"].hidden');
  assert.equal(await page.locator('[role="log"]').getAttribute('aria-live'), 'off');
  await page.bringToFront();
  await page.reload();
  await page.locator('.row').first().waitFor();
  assert.equal((await live.innerText()).trim(), '');
  await ben.send('mia', 'said aloud');
  await until('it is said', async () => (await live.innerText()).includes('Ben: said aloud'));
});

test('a-click-beside-a-menu-closes-it-and-presses-nothing', async () => {
  const account = page.getByRole('button', { name: /^Account/ });
  const item = page.getByRole('menuitem', { name: 'Settings' });
  await leave();
  for (const beside of [row('Ben'), account]) {
    await account.click();
    await item.waitFor();
    await beside.click({ force: true, position: { x: 8, y: 8 } }); // where no menu lies over it
    await item.waitFor({ state: 'detached' });
  }
  assert.equal(await page.locator('.talk.none').count(), 1);
  await row('Ben').click();
  await page.locator('#compose').waitFor();
});

test('one-item-of-a-menu-is-lit-by-mouse-or-by-keys', async () => {
  const lit = () => page.locator('.menu-item').evaluateAll((all) => all.filter((el) => getComputedStyle(el).backgroundColor !== 'rgba(0, 0, 0, 0)').map((el) => el.querySelector('.grow').textContent));
  const is = (...names) => until(`${names} is lit`, async () => String(await lit()) === String(names));
  await page.getByRole('button', { name: /^Account/ }).click();
  const names = await page.locator('.menu-item .grow').allInnerTexts();
  await is(names[0]);
  await page.getByRole('menuitem', { name: names[2] }).hover();
  await is(names[2]);
  await page.keyboard.press('ArrowUp');
  await is(names[1]);
  await page.keyboard.press('Escape');
});

test('U35 markup-and-bidi-show-as-text', async () => {
  await ben.send('mia', '<img src=x onerror="document.title=1"> javascript:alert(1) \u202Egnp.exe https://user:pw@evil.example/ https://fine.example/a');
  await row('Ben').click();
  const b = page.locator('.msg', { hasText: 'onerror' });
  await b.waitFor();
  assert.equal(await b.locator('img').count(), 0);
  await until('links are made', async () => (await b.locator('a').count()) > 0);
  const links = await b.locator('a').evaluateAll((l) => l.map((a) => [a.href, a.rel, a.target]));
  assert.deepEqual(links, [['https://fine.example/a', 'noopener noreferrer', '_blank']]);
  const odd = await relay.user('odd', 'Bob\u202Egnp');
  await odd.send('mia', 'who am I');
  await page.locator('.row', { hasText: 'who am I' }).waitFor();
  // the relay takes what turns the direction out of names; what is left shows as it is
  assert.equal(await page.locator('.row', { hasText: 'who am I' }).locator('.name').textContent(), 'Bobgnp');
});

test('replies-edits-withdrawals-reach-the-other-side', async () => {
  await write(page, 'quote this');
  await until('sent', async () => ['sent', 'delivered', 'read'].includes(await bubble(page, 'quote this').getAttribute('data-state')));
  const got = (await ben.poll()).find((m) => m.text === 'quote this');
  await ben.send('mia', 'an answer', { reply_to: got.message_id });
  const answer = bubble(page, 'an answer');
  await answer.waitFor();
  assert.match(await answer.locator('.quote').innerText(), /quote this/);
  await bubble(page, 'quote this').first().locator('.bubble').click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Edit' }).click();
  await holds(page.locator('#compose'), 'quote this');
  await page.locator('#compose').fill('quote that');
  await page.locator('#compose').press('Enter');
  await until('the edit arrives', async () => (await ben.poll()).some((m) => m.text === 'quote that' && m.edited_at));
  await bubble(page, 'quote that').first().locator('.bubble').click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Withdraw for everybody' }).click();
  await page.getByRole('button', { name: 'Withdraw for everybody' }).click();
  await until('the withdrawal arrives', async () => (await ben.poll()).some((m) => m.message_id === got.message_id && m.deleted_at));
  await page.locator('.msg.mine', { hasText: 'Message withdrawn' }).waitFor();
  await ben.poll();
  assert.deepEqual(page.faults, []);
  void talkTo;
});

/** Silence of so many seconds as a WAV file: 8 bit, 22,050 a second. */
function wav(seconds) {
  const data = Buffer.alloc(22050 * seconds, 128);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  [16, 1 | (1 << 16), 22050, 22050, 1 | (8 << 16)].forEach((n, i) => head.writeUInt32LE(n >>> 0, 16 + 4 * i));
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

test('a-recording-too-large-to-be-fetched-plays-from-the-relay-by-ranges', async () => {
  const ann = await relay.user('annwav', 'Ann');
  const page = await signedIn(browser, relay, 'benwav', 'Ben');
  await page.keyboard.press('Control+,');
  await page.getByRole('button', { name: 'Privacy and this device' }).click();
  await page.getByLabel('Fetch files by themselves up to').selectOption({ index: 0 });
  const file_id = await ann.upload('talk.wav', wav(120), 'audio/wav');
  await ann.send('benwav', '', { attachments: [file_id] });
  await page.keyboard.press('Escape');
  await page.locator('.row', { hasText: 'Ann' }).click();
  const row = page.locator('.file', { hasText: 'talk.wav' });
  await row.getByRole('button', { name: 'Play' }).click();
  const audio = row.locator('audio');
  await until('it plays', () => audio.evaluate((a) => a.currentTime > 0 && !a.paused));
  await audio.evaluate((a) => (a.currentTime = 110));
  await until('its end is had without what lies between', () => audio.evaluate((a) => a.currentTime > 110 && a.buffered.length > 0 && a.buffered.end(a.buffered.length - 1) > 110));
  assert.match(await audio.getAttribute('src'), /\/files\/fil_[0-9a-f]{32}\?link=/);
  assert.deepEqual(page.faults, []);
});

test('directory-shows-what-was-asked-last-whatever-comes-late', async () => {
  const page = await signedIn(browser, relay, 'finder', 'Finder');
  const late = [];
  await page.route('**/directory?*', async (route) => {
    if (new URL(route.request().url()).searchParams.get('q') === 'eve') await new Promise((go) => late.push(go));
    await route.continue();
  });
  await page.getByRole('button', { name: 'New chat', exact: true }).first().click();
  await page.getByPlaceholder('Name or chat address').fill('eve');
  await until('the first search is under way', async () => late.length === 1);
  const answer = async (query, act) => {
    const came = page.waitForResponse((r) => r.url().includes(`q=${query}`));
    await act();
    await (await came).finished();
  };
  const shown = () => page.locator('[data-person]').evaluateAll((all) => all.map((x) => x.dataset.person).sort().join(' '));
  await answer('ben', () => page.getByPlaceholder('Name or chat address').fill('ben'));
  await until('the second is there', async () => (await shown()) === 'ben benwav');
  await answer('eve', late[0]);
  await page.waitForTimeout(200);
  assert.equal(await shown(), 'ben benwav');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('rows-stay-where-they-are-between-pressing-and-letting-go', async () => {
  const page = await signedIn(browser, relay, 'press', 'Press');
  await ben.send('press', 'first');
  await page.locator('.row', { hasText: 'first' }).waitFor();
  const press = async (row) => {
    const { x, y, width, height } = await row.boundingBox();
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
  };
  await press(page.locator('.row', { hasText: 'first' }));
  await eve.send('press', 'from above');
  await until('it has come', async () => (await page.title()).startsWith('(2)'));
  await page.mouse.up();
  await bubble(page, 'first').waitFor();
  await page.locator('.row', { hasText: 'from above' }).waitFor();
  let go;
  await page.route('**/directory?q=eve*', async (route) => {
    await new Promise((done) => (go = done));
    await route.continue();
  });
  await page.getByRole('button', { name: 'New chat', exact: true }).first().click();
  await page.locator('[data-person="eve"]').waitFor();
  await page.getByPlaceholder('Name or chat address').fill('eve');
  await until('the search is under way', async () => !!go);
  await press(page.locator('[data-person="eve"]'));
  const came = page.waitForResponse((r) => r.url().includes('q=eve'));
  go();
  await (await came).finished();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))); // it would be drawn by now
  await page.mouse.up();
  await bubble(page, 'from above').waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
