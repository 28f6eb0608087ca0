// The keyboard on the screen: it writes where one writes, moves, stays in the view and never takes the focus.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { layouts } from '../../../web/layouts.mjs';
import { axe, axeInThemes, bubble, byKeys, holds, launch, leave, resize, signedIn, startRelay, talkTo, tooWide, until } from './lib.mjs';

let relay, browser, page, anna;

before(async () => {
  [relay, browser] = await Promise.all([startRelay(), launch()]);
  anna = await relay.user('anna', 'Anna');
  page = await signedIn(browser, relay, 'noor', 'Noor', { to: 'anna' });
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});

const area = (p = page) => p.locator('#compose');
const text = (p = page) => area(p).inputValue();
const button = (p = page) => p.getByRole('button', { name: 'Keyboard', exact: true });
const kb = (p = page) => p.locator('.kb');
const key = (name, p = page) => p.locator('.kb-keys > .kb-key').and(p.getByRole('button', { name, exact: true })).first();
const box = (p = page) => kb(p).boundingBox();
const memory = (p = page) => p.evaluate(() => JSON.parse(localStorage.getItem('webchat.keyboard') ?? '{}'));

/** A page with the keyboard open, as if this device had remembered `m`. */
async function opened(m, p = page, size = { width: 1280, height: 800 }) {
  await resize(p, size);
  await p.evaluate((m) => localStorage.setItem('webchat.keyboard', JSON.stringify(m)), m);
  await p.reload();
  await area(p).waitFor();
  await area(p).fill('');
  await button(p).click();
  await p.locator('.kb-key').first().waitFor();
  await watchFocus(p);
}

/** From now on every loss of the focus of what one writes in is counted. */
async function watchFocus(p = page) {
  await until('the text has the focus', () => area(p).evaluate((el) => el === document.activeElement));
  await area(p).evaluate((el) => {
    globalThis.lost = 0;
    el.addEventListener('focusout', () => globalThis.lost++);
  });
}
const lost = (p = page) => p.evaluate(() => globalThis.lost);

const isWithin = async (p = page) => {
  const [b, v] = [await box(p), await p.evaluate(() => ({ width: document.documentElement.clientWidth, height: innerHeight }))];
  return b.x >= 0 && b.y >= 0 && b.x + b.width <= v.width + 0.5 && b.y + b.height <= v.height + 0.5;
};

/** A finger from one place to another, in steps. */
async function swipe(p, from, to) {
  const cdp = await p.context().newCDPSession(p);
  const at = (type, points) => cdp.send('Input.dispatchTouchEvent', { type, touchPoints: points });
  await at('touchStart', [from]);
  for (let i = 1; i <= 8; i++) await at('touchMove', [{ x: from.x + ((to.x - from.x) * i) / 8, y: from.y + ((to.y - from.y) * i) / 8 }]);
  await at('touchEnd', []);
  await cdp.detach();
}

const middle = async (locator) => {
  const b = await locator.boundingBox();
  return { x: b.x + b.width / 2, y: b.y + b.height / 2 };
};

test('U33 keyboard-panel-moves-and-never-steals-focus', async () => {
  await opened({ id: 'english' });
  for (const k of ['h', 'e', 'y']) await key(k).click();
  assert.equal(await text(), 'hey');
  const first = await box();
  const head = await middle(page.locator('.kb-tip'));
  await page.mouse.move(head.x, head.y);
  await page.mouse.down();
  await page.mouse.move(head.x - 300, head.y - 200, { steps: 6 });
  await page.mouse.up();
  const dragged = await box();
  assert.deepEqual([Math.round(dragged.x - first.x), Math.round(dragged.y - first.y)], [-300, -200], 'it goes with the mouse');
  const move = page.locator('.kb-move');
  const grip = await middle(move);
  await page.mouse.move(grip.x, grip.y);
  await page.mouse.down();
  await page.mouse.move(-4000, 9000, { steps: 4 });
  await page.mouse.up();
  assert.ok(await isWithin(), 'not out of the window');
  const size = await middle(page.locator('.kb-size'));
  await page.mouse.move(size.x, size.y);
  await page.mouse.down();
  await page.mouse.move(size.x - 120, size.y - 40, { steps: 4 });
  await page.mouse.up();
  const smaller = await box();
  assert.ok(smaller.width <= dragged.width - 118 && smaller.height < dragged.height - 20, JSON.stringify(smaller));
  await page.getByRole('button', { name: 'Type by position' }).click();
  await page.getByRole('button', { name: 'Type by position' }).click();
  await page.getByRole('button', { name: 'Fold the keyboard' }).click();
  await page.locator('.kb-key').first().waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Unfold the keyboard' }).click();
  await key('o').click();
  assert.equal(await lost(), 0, 'the text never lost the focus');
  assert.equal(await text(), 'heyo');
  await page.keyboard.type('!');
  assert.equal(await text(), 'heyo!');
  await page.keyboard.press('Control+z');
  assert.ok((await text()).length < 5, 'what was written can be undone');
  // by arrow keys
  await move.focus();
  const before = await box();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Shift+ArrowUp');
  const after = await box();
  assert.deepEqual([after.x - before.x, after.y - before.y].map(Math.round), [16, -80]);
  await page.locator('.kb-size').focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(Math.round((await box()).width - after.width), 16);
  // it is where it was, also after a reload, and in the view of a smaller window
  const kept = await box();
  await page.reload();
  await area().waitFor();
  await button().click();
  await page.locator('.kb-key').first().waitFor();
  assert.deepEqual(await box(), kept);
  for (const [width, height] of [[800, 600], [900, 260], [720, 1000], [1280, 800]]) {
    await resize(page, { width, height });
    await until(`in the view at ${width} x ${height}`, () => isWithin());
    const out = await page.evaluate(() => [...document.querySelectorAll('.kb-key')].filter((k) => k.getBoundingClientRect().bottom > innerHeight + 1).length);
    assert.equal(out, 0, `all keys are in sight at ${width} x ${height}`);
  }
  await until('where it was', async () => (await box()).x === kept.x);
  assert.deepEqual(page.faults, []);
});

test('U33 keyboard-by-touch-and-at-320', async () => {
  const p = await signedIn(browser, relay, 'tia', 'Tia', { to: 'anna', hasTouch: true, viewport: { width: 1024, height: 768 } });
  await opened({ id: 'english' }, p, { width: 1024, height: 768 });
  assert.equal(await area(p).evaluate((el) => el.inputMode), 'none', 'no second keyboard comes');
  const before = await box(p);
  const from = await middle(p.locator('.kb-tip'));
  await swipe(p, from, { x: from.x - 100, y: from.y - 150 });
  const after = await box(p);
  assert.deepEqual([after.x - before.x, after.y - before.y].map(Math.round), [-100, -150], 'it goes with the finger');
  await key('q', p).tap();
  assert.equal(await text(p), 'q');
  // a telephone: at the lower edge, the line one writes in above it
  await opened({ id: 'russian' }, p, { width: 320, height: 640 });
  const docked = await box(p);
  assert.deepEqual([docked.x, docked.width, docked.y + docked.height], [0, 320, 640]);
  assert.ok((await p.locator('.compose .box').boundingBox()).y < docked.y);
  for (const k of ['п', 'р', 'и', 'в', 'е', 'т', 'ё']) await key(k, p).tap();
  await key('Space', p).tap();
  await key('Numbers and signs', p).tap();
  await key('1', p).tap();
  await key('Letters', p).tap();
  await key('а', p).tap();
  assert.equal(await text(p), 'приветё 1а');
  assert.equal(await lost(p), 0);
  assert.deepEqual(await tooWide(p), []);
  const tiny = () => p.evaluate(() => [...document.querySelectorAll('.kb button')].map((e) => [e, e.getBoundingClientRect()]).filter(([, r]) => r.width < 24 || r.height < 24).map(([e, r]) => `${e.ariaLabel} ${r.width}x${r.height}`));
  assert.deepEqual(await tiny(), []);
  // turned on its side
  await resize(p, { width: 640, height: 320 });
  await until('in the view on its side', () => isWithin(p));
  assert.deepEqual(await tiny(), []);
  await resize(p, { width: 320, height: 640 });
  await until('narrow again', async () => (await box(p)).width === 320);
  // lifted, and put down again
  const head = await middle(p.locator('.kb-move'));
  await swipe(p, head, { x: head.x, y: head.y - 200 });
  await until('it floats', async () => (await p.locator('.kb[data-docked]').count()) === 0);
  assert.ok(await isWithin(p));
  const again = await middle(p.locator('.kb-move'));
  await swipe(p, again, { x: again.x, y: 639 });
  await until('it lies down', async () => (await p.locator('.kb[data-docked]').count()) === 1);
  // two thumbs: the second comes before the first goes
  const [a, b] = [await middle(key('а', p)), await middle(key('о', p))];
  await area(p).fill('');
  const cdp = await p.context().newCDPSession(p);
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ ...a, id: 1 }] });
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ ...a, id: 1 }, { ...b, id: 2 }] });
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [{ ...b, id: 2 }] });
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await until('both are there in order', async () => (await text(p)) === 'ао');
  await p.getByRole('button', { name: 'Close', exact: true }).tap();
  await until('the system keyboard is back', () => area(p).evaluate((el) => el.inputMode === ''));
  assert.deepEqual(p.faults, []);
  await leave(p);
});

test('U33 keyboard-shift-dead-keys-long-press-delete', async () => {
  await opened({ id: 'german' });
  const shift = key('Shift');
  await shift.click();
  await until('it is pressed', async () => (await shift.getAttribute('aria-pressed')) === 'true');
  await key('A').click();
  await key('a').click();
  await shift.dblclick();
  await page.locator('.kb-key.shift[aria-label="Caps lock"]').first().waitFor();
  for (const k of ['B', 'C']) await key(k).click();
  await page.locator('.kb-key.shift').first().click();
  await key('d').click();
  assert.equal(await text(), 'AaBCd');
  await area().fill('');
  await key('´').click();
  assert.equal(await text(), '', 'it waits');
  await key('e').click();
  await key('^').click();
  await key('Space').click();
  assert.equal(await text(), 'é^');
  await key('AltGr').click();
  await key('€').click();
  await key('e').click();
  assert.equal(await text(), 'é^€e');
  // in the middle, and over a selection
  await area().evaluate((el) => el.setSelectionRange(1, 3));
  await key('x').click();
  assert.equal(await text(), 'éxe');
  assert.equal(await area().evaluate((el) => el.selectionStart), 2);
  // a long press offers more; the pointer slides there
  const a = await middle(key('a'));
  await page.mouse.move(a.x, a.y);
  await page.mouse.down();
  const more = page.getByRole('group', { name: 'More of a' });
  await more.waitFor();
  const to = await middle(more.getByRole('button', { name: 'ä', exact: true }));
  await page.mouse.move(to.x, to.y, { steps: 3 });
  await page.mouse.up();
  assert.equal(await text(), 'éxäe');
  assert.equal(await more.count(), 0);
  // one press takes what one sees as one sign
  await area().fill('ok👨‍👩‍👧');
  await key('Delete').click();
  assert.equal(await text(), 'ok');
  // held down it goes on
  await area().fill('abcdefgh');
  const del = await middle(key('Delete'));
  await page.mouse.move(del.x, del.y);
  await page.mouse.down();
  await until('all of it goes', async () => (await text()) === '');
  await page.mouse.up();
  assert.equal(await lost(), 0);
  assert.deepEqual(page.faults, []);
});

test('U33 keyboard-writes-hangul-arabic-thai-hindi', async () => {
  for (const [id, keys, wanted] of [['korean', ['ㅎ', 'ㅏ', 'ㄴ', 'ㄱ', 'ㅡ', 'ㄹ'], '한글'], ['arabic', ['س', 'لا', 'م'], 'سلام'], ['thai', ['ท', '◌ี', '◌่'], 'ที่'], ['hindi', ['ह', '◌ि', 'न', '◌्', 'द', '◌ी'], 'हिन्दी'], ['farsi', ['س', 'ل', 'ا', 'م'], 'سلام']]) {
    await opened({ id });
    for (const k of keys) await key(k).click();
    assert.equal(await text(), wanted, id);
    assert.equal(await text(), (await text()).normalize('NFC'));
    assert.equal(await lost(), 0);
  }
  await opened({ id: 'korean' });
  for (const k of ['ㄷ', 'ㅏ', 'ㄹ', 'ㄱ']) await key(k).click();
  await key('Delete').click();
  assert.equal(await text(), '달', 'a letter while it is made');
  await area().evaluate((el) => el.setSelectionRange(0, 0));
  await key('ㅏ').click();
  assert.equal(await text(), 'ㅏ달', 'where the caret went nothing is in the making');
});

test('U33 keyboard-and-the-machine-s-own-keys', async () => {
  await opened({ id: 'hebrew' });
  await page.keyboard.down('KeyT');
  await page.locator('.kb-key[data-lit]', { hasText: 'א' }).waitFor();
  assert.equal(await text(), 't', 'it only shows the place');
  await page.keyboard.up('KeyT');
  await until('dark again', async () => (await page.locator('.kb-key[data-lit]').count()) === 0);
  await area().fill('');
  await page.getByRole('button', { name: 'Type by position' }).click();
  for (const code of ['KeyA', 'KeyK', 'KeyU', 'KeyO']) await page.keyboard.press(code);
  assert.equal(await text(), 'שלום');
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+Digit1');
  assert.equal(await text(), 'שלום !');
  await page.keyboard.press('Backspace');
  assert.equal(await text(), 'שלום ');
  // shortcuts are what they were
  await page.keyboard.press('Control+a');
  assert.equal(await area().evaluate((el) => el.selectionEnd - el.selectionStart), 5);
  await page.keyboard.press('Control+k');
  await page.locator('#search:focus').waitFor();
  // any other field as well
  await page.keyboard.press('KeyT');
  await holds(page.locator('#search'), 'א');
  await key('ב').click();
  await holds(page.locator('#search'), 'אב');
  await page.locator('#search').fill('');
  // a composition belongs to the system
  await area().focus();
  await area().fill('');
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Input.imeSetComposition', { text: 'に', selectionStart: 1, selectionEnd: 1 });
  await cdp.send('Input.dispatchKeyEvent', { type: 'keyDown', key: 'Process', code: 'KeyT', windowsVirtualKeyCode: 229 });
  await cdp.send('Input.insertText', { text: '日' });
  assert.equal(await text(), '日');
  await cdp.detach();
  // a dead key of the layout, by position
  await opened({ id: 'german', byPlace: true });
  await page.keyboard.press('Equal');
  await page.locator('.kb-key[data-waits]').waitFor();
  await page.keyboard.press('KeyE');
  await page.keyboard.press('Equal');
  await page.keyboard.press('Space');
  await page.keyboard.press('KeyY');
  assert.equal(await text(), 'é´z');
  assert.deepEqual(page.faults, []);
});

test('U33 keyboard-without-a-mouse', async () => {
  await opened({ id: 'german' });
  await page.keyboard.press('Escape');
  await kb().waitFor({ state: 'detached' }); // Escape closes it, and nothing else
  assert.ok(await area().evaluate((el) => el === document.activeElement));
  const by = byKeys(page);
  await by.do(button());
  await by.on(area());
  await by.to(page.locator('.kb-key[tabindex="0"]'));
  await by.press('ArrowDown', 'ArrowDown', 'ArrowRight');
  await by.on(key('a'));
  await by.press('Enter');
  await by.press('Space');
  assert.equal(await text(), 'aa');
  await by.press('Shift+F10');
  await page.getByRole('group', { name: 'More of a' }).waitFor();
  await by.press('Escape');
  await by.on(key('a'));
  await by.press('Shift+F10');
  await page.locator('.kb-more button').first().waitFor();
  await by.press('ArrowRight', 'ArrowRight', 'Enter');
  assert.equal((await text()).length, 3);
  await by.on(key('a'));
  assert.equal(await page.locator('.kb-keys [tabindex="0"]').count(), 1, 'one stop for all keys');
  await by.press('Escape');
  await by.on(area());
  assert.equal(await kb().count(), 0);
  assert.deepEqual(page.faults, []);
});

test('U33 keyboard-enter-does-what-the-field-does', async () => {
  await opened({ id: 'english' });
  await page.keyboard.press('Control+Shift+F');
  await page.locator('#find').waitFor();
  await key('z').click();
  await holds(page.locator('#find'), 'z');
  await page.locator('#find').press('Escape');
  await area().focus();
  for (const k of ['h', 'i']) await key(k).click();
  await key('Shift').click();
  await key('Enter').click();
  assert.equal(await text(), 'hi\n');
  await key('y').click();
  await key('Enter').click();
  await until('it is sent', async () => (await anna.poll()).some((m) => m.text === 'hi\ny'));
  assert.equal(await text(), '');
});

test('U33 keyboard-choice-of-46', async () => {
  await opened({});
  assert.match(await page.locator('.kb-lang').innerText(), /English/, 'that of the page at first');
  await page.locator('.kb-lang').click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  assert.equal(await dialog.locator('.row-button').count(), 46);
  await dialog.getByPlaceholder('Search keyboards').fill('ukr');
  await until('one is found', async () => (await dialog.locator('.row-button').count()) === 1);
  await dialog.locator('.row-button').click();
  await key('ї').waitFor();
  assert.deepEqual((await memory()).offer, ['english', 'ukrainian']);
  assert.ok(await area().evaluate((el) => el === document.activeElement), 'the text has the focus again');
  await key('Next keyboard').click();
  await key('q').waitFor();
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav .row-button').nth(5).click();
  const offer = page.getByRole('group', { name: 'Keyboards to offer' });
  assert.equal(await offer.getByRole('checkbox').count(), 46);
  assert.deepEqual(await offer.locator('label:has(:checked) .title').allInnerTexts(), ['English', 'Ukrainian']);
  await offer.locator('label', { hasText: 'Greek' }).click();
  assert.deepEqual((await memory()).offer, ['english', 'ukrainian', 'greek']);
  await page.keyboard.press('Escape');
  assert.deepEqual(page.faults, []);
});

test('U33 keyboard-every-layout-loads', async () => {
  const ids = layouts().map(([id]) => id);
  assert.equal(ids.length, 46);
  if (!(await area().count())) await talkTo(page, 'anna');
  await opened({ id: ids[0], offer: ids });
  const seen = new Set();
  for (const id of ids) {
    const file = await until(`${id} is there`, async () => {
      const now = await memory();
      return now.id === id && (await page.locator('.kb-key').count()) > 40 && page.locator('.kb-keys').innerText();
    });
    assert.ok(!seen.has(file) || id === 'english', `${id} is the one before`);
    seen.add(file);
    const cut = await page.evaluate(() => [...document.querySelectorAll('.kb-cap')].filter((c) => c.scrollWidth > c.clientWidth + 1).map((c) => c.textContent));
    assert.deepEqual(cut, [], `${id}: cut off`);
    await key('Next keyboard').click();
    await page.locator(`.kb[data-layout="${ids[(ids.indexOf(id) + 1) % ids.length]}"]`).waitFor();
  }
  assert.equal(await lost(), 0);
  assert.ok(await isWithin());
  await opened({ id: 'japanese' });
  await page.locator('.kb-note', { hasText: 'input method of your system' }).waitFor();
  assert.deepEqual(page.faults, []);
});

test('U33 keyboard-that-cannot-be-fetched-says-so', async () => {
  const p = await signedIn(browser, relay, 'lia', 'Lia', { to: 'anna' });
  let isCut = true;
  await p.route('**/keys-english-*', (r) => (isCut ? r.abort() : r.continue()));
  await button(p).click();
  await p.locator('.kb-note[role="alert"]').waitFor();
  isCut = false;
  await p.locator('.kb-note').getByRole('button', { name: 'Try again' }).click();
  await key('q', p).waitFor();
  assert.equal(await p.locator('.kb-note').count(), 0);
  await leave(p);
});

test('U33 keyboard axe-in-themes-and-directions', async () => {
  await opened({ id: 'arabic', byPlace: true });
  await page.keyboard.down('KeyT');
  const found = [];
  for (const [width, height] of [[1280, 800], [320, 640]]) {
    await resize(page, { width, height });
    found.push(...(await axeInThemes(page, width)));
    for (const dir of ['ltr', 'rtl']) {
      await page.evaluate((d) => (document.documentElement.dir = d), dir);
      assert.equal(await page.locator('.kb-keys').evaluate((el) => getComputedStyle(el).direction), 'ltr', 'keys stay from left to right');
    }
  }
  await page.keyboard.up('KeyT');
  assert.deepEqual(found, []);
  await page.evaluate(() => (document.documentElement.dir = 'ltr'));
  await resize(page, { width: 1280, height: 800 });
  await page.locator('.kb-lang').click();
  await page.getByRole('dialog').waitFor();
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.kb-cap').first().evaluate((el) => getComputedStyle(el).transitionDuration), '0s', 'reduced motion is obeyed');
});

test('J8 writing-without-the-right-keys', async () => {
  const ben = await signedIn(browser, relay, 'ben', 'Ben', { to: 'noor' });
  await opened({});
  await talkTo(page, 'ben');
  if (!(await kb().count())) await button().click();
  await page.locator('.kb-lang').click();
  await page.getByRole('dialog').getByPlaceholder('Search keyboards').fill('hebrew');
  await page.getByRole('dialog').locator('.row-button').first().click();
  await key('ש').waitFor();
  await page.getByRole('button', { name: 'Type by position' }).click();
  await watchFocus();
  // a Latin machine, a Hebrew text: each key by its place
  for (const code of ['KeyA', 'KeyK', 'KeyU', 'KeyO', 'Space', 'KeyC', 'KeyI', 'Comma']) await page.keyboard.press(code);
  await key('.').click();
  assert.equal(await text(), 'שלום בןת.');
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Backspace');
  assert.equal(await lost(), 0, 'the focus never left the text');
  await page.keyboard.press('Enter');
  const got = bubble(ben, 'שלום בן').last();
  await got.waitFor();
  assert.equal((await got.locator('.text').innerText()).trim(), 'שלום בן');
  assert.equal(await got.locator('.text').evaluate((el) => getComputedStyle(el).unicodeBidi), 'plaintext');
  assert.deepEqual([...page.faults, ...ben.faults], []);
  await leave(ben);
});
