// The screens of an admin: users with their sessions and their end, groups, statistics, health, the log; one relay for all.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, byKeys, launch, resize, signedIn, small, startRelay, tooWide, until } from './lib.mjs';

let relay, browser, page;
const body = () => page.locator('#admin-body');
const tab = (name) => page.getByRole('tab', { name, exact: true });
const dialog = () => page.locator('dialog').last();
const press = (name) => dialog().getByRole('button', { name, exact: true }).click();

before(async () => {
  [relay, browser] = await Promise.all([startRelay({ PCHAT_ADMIN_EMAILS: 'olga@example.org', QUEUE_HOUSEKEEPING_INTERVAL_SEC: 0 }), launch()]);
  page = await signedIn(browser, relay, 'olga', 'Olga');
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'Admin' }).click();
});
after(async () => {
  await browser?.close();
  await relay?.stop();
});

/** The menu of somebody in the list. */
async function menuOf(address) {
  await tab('Log').click();
  await tab('Users').click();
  await body().locator('.row-button', { hasText: `@${address}` }).click();
  return (name) => page.getByRole('menuitem', { name, exact: true }).click();
}
const log = async () => (await relay.call('GET', '/api/v1/webchat/admin/audit', undefined, (await relay.user('olga', 'Olga')).token)).entries.map((e) => `${e.action} ${e.target}`);

test('J11 sessions-of-a-user-one-and-all', async () => {
  const ann = await relay.user('ann', 'Ann', { device_name: 'Laptop' });
  const again = await relay.user('ann', 'Ann', { device_name: 'Phone' });
  const third = await relay.user('ann', 'Ann', { device_name: 'Tablet' });
  await (await menuOf('ann'))('Sessions');
  await dialog().getByRole('heading', { name: 'Sessions of Ann' }).waitFor();
  assert.deepEqual(await axe(page), []);
  await dialog().locator('li', { hasText: 'Laptop' }).getByRole('button').click();
  await press('Revoke');
  await until('one is gone', async () => (await dialog().locator('li').count()) === 2);
  assert.equal((await ann.call('GET', '/api/v1/pchat/auth/me')).status, 401);
  assert.equal((await again.call('GET', '/api/v1/pchat/auth/me')).status, 200);
  await press('End all sessions and keys');
  await press('End all sessions and keys');
  await dialog().getByText('Signed in nowhere.').waitFor();
  for (const one of [again, third]) assert.equal((await one.call('GET', '/api/v1/pchat/auth/me')).status, 401);
  await press('Close');
  assert.deepEqual((await log()).slice(0, 2), ['logout ann', 'end-session ann']);
});

test('J11 delete-asks-twice-and-wants-the-address', async () => {
  const dora = await relay.user('dora', 'Dora');
  await (await menuOf('dora'))('Delete account');
  await dialog().getByText('all sessions and API keys').waitFor();
  await dialog().getByText('This cannot be undone.').waitFor();
  await press('Cancel');
  assert.equal((await dora.call('GET', '/api/v1/pchat/auth/me')).status, 200);
  await (await menuOf('dora'))('Delete account');
  await press('Go on');
  const yes = dialog().getByRole('button', { name: 'Delete for good' });
  assert.deepEqual(await axe(page), []);
  await dialog().getByLabel('Type the chat address: dora').fill('dor');
  await page.keyboard.press('Enter');
  assert.equal(await yes.isDisabled(), true);
  await dialog().getByLabel('Type the chat address: dora').fill('@dora');
  await yes.click();
  await page.locator('.toast', { hasText: 'Dora is deleted.' }).waitFor();
  await until('she is gone from the list', async () => (await body().locator('.row-button', { hasText: '@dora' }).count()) === 0);
  assert.equal((await dora.call('GET', '/api/v1/pchat/auth/me')).status, 401);
  assert.equal((await log())[0], 'delete erased');
});

test('J11 nobody-deletes-themselves-and-errors-are-said', async () => {
  await tab('Users').click();
  await body().locator('.row-button', { hasText: '@olga' }).click();
  await page.getByRole('menuitem', { name: 'Not admin any more' }).waitFor();
  assert.equal(await page.getByRole('menuitem', { name: 'Delete account' }).count(), 0);
  await page.getByRole('menuitem', { name: 'Not admin any more' }).click();
  await page.locator('.toast.bad', { hasText: 'A relay needs an admin.' }).waitFor();
});

test('J11 users-are-searched-and-come-in-pages', async () => {
  await Promise.all(Array.from({ length: 4 }, (_, i) => relay.user(`many${i}`, `Many ${i}`)));
  await page.route('**/admin/users?*', (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set('limit', '3');
    return route.continue({ url: url.href });
  });
  await tab('Groups').click();
  await tab('Users').click();
  await body().getByRole('searchbox').fill('many');
  const are = async (n) => {
    const rows = await body().locator('.row-button').allInnerTexts();
    return rows.length === n && rows.every((x) => x.includes('@many'));
  };
  await until('only they are left, a page of them', () => are(3));
  await body().getByRole('button', { name: 'Show more' }).click();
  await until('the rest came', () => are(4));
  assert.equal(await body().getByRole('button', { name: 'Show more' }).count(), 0);
  await body().getByRole('searchbox').fill('nobody at all');
  await body().getByText('Nobody found').waitFor();
  await page.unroute('**/admin/users?*');
  await page.route('**/admin/groups*', (route) => route.abort());
  await tab('Groups').click();
  await body().getByRole('alert').waitFor();
  await page.unroute('**/admin/groups*');
  await body().getByRole('button', { name: 'Try again' }).click();
  await body().getByText('No group found').waitFor();
});

test('J11 group-is-shown-and-deleted', async () => {
  const [gus, ida] = [await relay.user('gus', 'Gus'), await relay.user('ida', 'Ida')];
  const { group } = await gus.call('POST', '/api/v1/webchat/groups', { name: 'Chess club', mode: 'stream', visibility: 'public', join_policy: 'open' });
  await ida.call('POST', `/api/v1/webchat/groups/${group.group_id}/join`);
  await gus.send(group.group_id, 'a secret opening');
  await tab('Log').click();
  await tab('Groups').click();
  const row = body().locator('.row-button', { hasText: 'Chess club' });
  const text = await row.innerText();
  for (const part of ['2 members', '@gus', 'public', 'stream', 'active']) assert.ok(text.includes(part), `${part}: ${text}`);
  assert.ok(!/secret|ida/i.test(await body().innerText()));
  await row.click();
  await page.getByRole('menuitem', { name: 'Delete group' }).click();
  await dialog().getByText('for all members (2)').waitFor();
  await press('Delete group');
  await body().getByText('No group found').waitFor();
  assert.equal((await gus.call('GET', `/api/v1/webchat/groups/${group.group_id}`)).status, 404);
  assert.equal((await log())[0], `delete-group ${group.group_id}`);
  await tab('Log').click();
  await body().locator('li', { hasText: `olga: Delete group ${group.group_id}` }).waitFor();
});

test('J11 statistics-have-charts-and-a-table', async () => {
  await tab('Statistics').click();
  await body().getByText('it has not run yet').waitFor();
  const [kim, lee] = [await relay.user('kim', 'Kim'), await relay.user('lee', 'Lee')];
  for (const text of ['one', 'two', 'three']) await kim.send('lee', text);
  void lee;
  relay.sweep();
  await tab('Health').click();
  await tab('Statistics').click();
  await body().locator('.chart').nth(2).waitFor();
  const said = await body().locator('.chart svg').evaluateAll((all) => all.map((x) => x.getAttribute('aria-label')));
  assert.match(said[0], /^Messages a day\. most: \d+, /);
  assert.match(said[2], /^Accounts\. now: \d+$/);
  await body().getByText('As a table').click();
  const cells = await body().locator('tbody tr').first().locator('td').allInnerTexts();
  assert.ok(Number(cells[0]) >= 3 && Number(cells[1]) >= 3 && Number(cells[2]) >= 3, cells.join());
  // where colours are forced, the bars keep a colour that stands off the ground
  await page.emulateMedia({ forcedColors: 'active' });
  const [bar, ground] = await body().locator('.chart rect').first().evaluate((x) => [getComputedStyle(x).fill, getComputedStyle(document.body).backgroundColor]);
  assert.notEqual(bar, ground);
  await page.emulateMedia({ forcedColors: 'none' });
});

test('J11 health-says-what-doctor-says', async () => {
  await page.route('**/admin/health', async (route) => {
    const r = await route.fetch();
    const json = await r.json();
    json.ok = false;
    json.checks.find((c) => c.name === 'disk').ok = false;
    await route.fulfill({ response: r, json });
  });
  await tab('Health').click();
  await body().getByText('To be looked at: 1').waitFor();
  assert.match(await body().locator('li').first().innerText(), /To be looked at:\s+Disk space\s+\d+ bytes are free/);
  await page.unroute('**/admin/health');
  await body().getByRole('button', { name: 'Check again' }).click();
  await body().getByText('All is well').waitFor();
  const translation = body().locator('li', { hasText: 'RELAY_TRANSLATE_URL=' });
  assert.match(await translation.innerText(), /Translation\s+Off/);
  assert.equal(await body().locator('.said[lang="en"][dir="ltr"]').count(), 12);
});

test('J11 admin-by-keys', async () => {
  const k = byKeys(page);
  await tab('Requests').click();
  await k.to(tab('Requests'));
  await k.press('ArrowRight');
  await k.on(tab('Users'));
  await body().locator('.row-button').first().waitFor();
  await k.press('End');
  await k.on(tab('Log'));
  await k.press('ArrowRight', 'ArrowRight');
  await k.on(tab('Users'));
  await k.do(body().locator('.row-button', { hasText: '@kim' }));
  await k.on(page.getByRole('menuitem', { name: 'Sessions' }));
  await k.press('Enter');
  await dialog().getByRole('heading', { name: 'Sessions of Kim' }).waitFor();
  await k.press('Escape');
  await k.kept();
});

test('J11 admin-at-320-from-right-to-left', async () => {
  await resize(page, small.viewport);
  await page.evaluate(() => localStorage.setItem('webchat.look', JSON.stringify({ language: 'ar' })));
  await page.reload();
  for (const name of ['people', 'groups', 'figures', 'health', 'audit', 'invites', 'requests']) {
    await page.locator(`[data-tab="${name}"]`).click();
    await page.locator('#admin-body > *').first().waitFor();
    await until('it is there', async () => (await page.locator('#admin-body [aria-busy="true"]').count()) === 0);
    assert.deepEqual(await tooWide(page), [], name);
  }
  assert.deepEqual(page.faults, []);
});
