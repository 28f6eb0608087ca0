// For everybody: axe on every screen in four themes and two directions, the keyboard alone, narrow screens, large text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axeInThemes, bubble, holds, isSent, launch, open, resize, signIn, startRelay, until, write } from './lib.mjs';
import { populate } from '../screens.mjs';

let relay, browser, page;

before(async () => {
  [relay, browser] = await Promise.all([startRelay({ PCHAT_ADMIN_EMAILS: 'you@example.org' }), launch()]);
  ({ page } = await populate(relay, browser));
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});

const clean = async (name, on = page) => assert.deepEqual(await axeInThemes(on, name), []);
const home = async () => {
  await resize(page, { width: 1280, height: 800 });
  for (let i = 0; i < 4; i++) await page.keyboard.press('Escape');
};

test('U27 axe sign-in', async () => {
  const fresh = await open(browser, relay.page);
  await fresh.getByLabel('E-mail').waitFor();
  await clean('sign-in', fresh);
  await fresh.getByLabel('E-mail').fill('axe@example.org');
  await fresh.getByRole('button', { name: 'Send me a code' }).click();
  await fresh.getByText('First time here?').click();
  await clean('code', fresh);
  await fresh.context().close();
});

test('U27 axe list-and-talk', async () => {
  await home();
  await clean('list');
  await page.locator('.row', { hasText: 'Sunday hikers' }).first().click();
  await bubble(page, 'Good morning!').first().waitFor();
  await clean('talk');
  await resize(page, { width: 320, height: 640 });
  await page.getByRole('heading', { level: 1 }).waitFor();
  await clean('talk 320');
});

test('U27 axe menu-dialog-emoji-viewer', async () => {
  await home();
  await page.locator('.row', { hasText: 'Sunday hikers' }).first().click();
  await page.locator('.bubble').last().click({ button: 'right' });
  await page.locator('.menu[data-placed]').waitFor();
  await clean('menu');
  await page.keyboard.press('Escape');
  await page.locator('.msg.mine .bubble').last().focus();
  await page.keyboard.press('i');
  await page.getByRole('dialog').waitFor();
  await clean('dialog');
  await page.keyboard.press('Escape');
  await page.locator('.compose .extra').click();
  await page.locator('.emoji').first().waitFor();
  await clean('emoji');
  await page.locator('.compose .extra').click();
  await page.locator('.photo').first().click();
  await page.locator('.viewer img').waitFor();
  await clean('viewer');
  await page.keyboard.press('Escape');
});

test('U27 axe info-directory-forms', async () => {
  await home();
  await page.locator('.row', { hasText: 'Sunday hikers' }).first().click();
  await page.locator('.head-who').click();
  await page.locator('.info .row-button').nth(3).waitFor();
  await clean('info');
  await page.keyboard.press('Control+Shift+O');
  await page.locator('[data-person]').first().waitFor();
  await clean('directory');
  await page.locator('.page-body').getByRole('button', { name: 'New group' }).click();
  await clean('new group');
});

test('U27 axe settings', async () => {
  await home();
  await page.keyboard.press('Control+,');
  for (const name of ['You', 'Sessions', 'Look', 'Notifications', 'Privacy and this device', 'Advanced relay', 'Contacts', 'Help']) {
    await page.locator('.settings-nav').getByRole('button', { name }).click();
    await page.waitForTimeout(150);
    await clean(name);
  }
});

test('U27 axe admin', async () => {
  await home();
  await page.reload();
  await page.locator('.list-head .round').last().click();
  await page.getByRole('menuitem', { name: 'Admin' }).click();
  relay.sweep();
  for (const [name, there] of [['Users', '.row-button'], ['Statistics', '.chart'], ['Health', '.facts'], ['Log', '.empty']]) {
    await page.getByRole('tab', { name }).click();
    await page.locator(`#admin-body ${there}`).first().waitFor();
    if (name === 'Statistics') await page.getByText('As a table').click();
    await clean(`admin ${name}`);
  }
});

test('U28 all-by-keyboard-focus-returns', async () => {
  const fresh = await open(browser, relay.page);
  const k = fresh.keyboard;
  await until('the field has the focus', () => fresh.evaluate(() => document.activeElement?.id === 'email'));
  await k.type('keys@example.org');
  await k.press('Enter');
  await until('the code has the focus', () => fresh.evaluate(() => document.activeElement?.id === 'code'));
  await until('filled in', async () => (await fresh.locator('#code').inputValue()).length === 6);
  await k.press('Enter');
  await fresh.locator('.list').waitFor();
  await k.press('Control+Shift+O');
  await until('search has the focus', () => fresh.evaluate(() => document.activeElement?.matches('.page-body input')));
  await k.type('mira');
  await fresh.locator('[data-person="mira"]').waitFor();
  await until('only mira is left', async () => (await fresh.locator('[data-person]').count()) === 1);
  await k.press('ArrowDown');
  await k.press('Enter');
  await until('the composer has the focus', () => fresh.evaluate(() => document.activeElement?.id === 'compose'));
  await k.type('no mouse here');
  await k.press('Enter');
  await isSent(fresh, 'no mouse here');
  await k.press('ArrowUp');
  await holds(fresh.locator('#compose'), 'no mouse here');
  await k.press('Escape');
  await holds(fresh.locator('#compose'), '');
  await fresh.locator('.bubble').last().focus();
  await k.press('Shift+F10');
  await until('the menu has the focus', () => fresh.evaluate(() => document.activeElement?.getAttribute('role') === 'menuitem'));
  await k.press('End');
  await k.press('Home');
  await k.press('Escape');
  await until('the focus is back', () => fresh.evaluate(() => document.activeElement?.classList.contains('bubble')));
  await k.press('r');
  await fresh.locator('.about-line').waitFor();
  await k.type('an answer to myself');
  await k.press('Enter');
  await bubble(fresh, 'an answer to myself').locator('.quote').waitFor();
  await k.press('Control+Shift+F');
  await until('search in the chat has the focus', () => fresh.evaluate(() => document.activeElement?.id === 'find'));
  await k.type('mouse');
  await fresh.getByText('1 of 1').waitFor();
  await k.press('Escape');
  await k.press('Control+k');
  await until('the search of the list', () => fresh.evaluate(() => document.activeElement?.id === 'search'));
  await k.press('ArrowDown');
  await until('a row', () => fresh.evaluate(() => document.activeElement?.classList.contains('row')));
  await k.press('Shift+F10');
  await until('its menu', () => fresh.evaluate(() => document.activeElement?.getAttribute('role') === 'menuitem'));
  await k.press('Escape');
  await until('back on the row', () => fresh.evaluate(() => document.activeElement?.classList.contains('row')));
  await k.press('Control+/');
  await fresh.getByText('On a message: reply').waitFor();
  assert.deepEqual(fresh.faults, []);
  await fresh.context().close();
});

test('U31 a-line-that-is-cut-off-keeps-its-beginning', async () => {
  await page.evaluate(() => localStorage.setItem('webchat.look', JSON.stringify({ language: 'he' })));
  await page.reload();
  await page.locator('.list-head').waitFor();
  // the ellipsis eats the end of a line only where the line runs as its last words do
  const lost = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('.one')]
        .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth)
        .filter((e) => {
          const words = [];
          for (let n, walk = document.createTreeWalker(e, NodeFilter.SHOW_TEXT); (n = walk.nextNode()); ) if (/\p{L}/u.test(n.data)) words.push(n.data);
          const isRtl = /[\u0590-\u07ff\ufb1d-\ufeff]/.test(/\p{L}/u.exec(words.pop() ?? '')?.[0] ?? '');
          return words.length && isRtl !== (getComputedStyle(e).direction === 'rtl');
        })
        .map((e) => e.textContent));
  await resize(page, { width: 740, height: 800 });
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.locator('.row .draft').waitFor();
  assert.deepEqual(await lost(), []);
  await page.keyboard.press('Control+Shift+O');
  await page.locator('.page-body .row-button .pill').nth(1).waitFor();
  await resize(page, { width: 320, height: 640 });
  assert.deepEqual(await lost(), []);
  await page.evaluate(() => localStorage.removeItem('webchat.look'));
  await page.reload();
});

test('U30 targets-zoom-320-motion', async () => {
  await home();
  const screens = [
    ['list', async () => {}],
    ['talk', () => page.locator('.row', { hasText: 'Sunday hikers' }).first().click()],
    ['settings', () => page.keyboard.press('Control+,')],
    ['privacy', () => page.locator('.settings-nav .row-button').nth(4).click()],
  ];
  for (const [name, go] of screens) {
    await resize(page, { width: 1280, height: 800 });
    await go();
    for (const [w, h, size] of [[320, 640, ''], [640, 400, ''], [640, 800, '200%']]) {
      await resize(page, { width: w, height: h });
      await page.evaluate((s) => (document.documentElement.style.fontSize = s), size);
      await page.waitForTimeout(100);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${name} at ${w} ${size} is ${wide} px too wide`);
      const small = await page.evaluate(() =>
        [...document.querySelectorAll('button, a, input, select, textarea, summary')]
          .filter((e) => e.checkVisibility?.() !== false && !e.classList.contains('hidden') && getComputedStyle(e).opacity !== '0' && !e.closest('.text'))
          .map((e) => [e, e.getBoundingClientRect()])
          .filter(([, r]) => r.width > 0 && (r.width < 18 || r.height < 18 || (r.height < 24 && r.width < 24)))
          .map(([e, r]) => `${e.className || e.tagName} ${Math.round(r.width)}x${Math.round(r.height)}`));
      assert.deepEqual(small, [], `${name} at ${w}`);
    }
    await page.evaluate(() => (document.documentElement.style.fontSize = ''));
  }
  const moving = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--calm').trim());
  assert.equal(moving, '0ms', 'reduced motion is obeyed');
  assert.deepEqual(page.faults, []);
  void write;
  void signIn;
});
