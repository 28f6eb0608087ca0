// Pushes in the browser: the switch, what the relay is told, and what the service worker shows. The push service is a stand-in: the real ones are
// somebody's servers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, launch, leave, resize, signedIn, startRelay, tooWide, until } from './lib.mjs';

let relay, plain, browser;
let count = 0;
const PUSH = { RELAY_PUSH: 'true', RELAY_PUSH_CONTACT: 'mailto:operator@example.com' };

before(async () => {
  [relay, plain, browser] = await Promise.all([startRelay(PUSH), startRelay(), launch([], { whole: true })]);
});
after(async () => {
  await browser?.close();
  await relay?.stop();
  await plain?.stop();
});

/** A browser whose push service gives addresses of the test's own; what it was asked for is in `globalThis.asked`. */
const service = () => {
  globalThis.asked = [];
  const state = () => JSON.parse(localStorage.getItem('test.push') ?? '{"n":1}');
  const keep = (s) => localStorage.setItem('test.push', JSON.stringify(s));
  const sub = (s) => (s.key ? { endpoint: `https://push.example.com/${s.n}`, options: { applicationServerKey: Uint8Array.from(s.key).buffer }, unsubscribe: async () => (keep({ n: s.n + 1 }), true) } : null);
  const manager = {
    getSubscription: async () => sub(state()),
    subscribe: async (o) => {
      if (localStorage.getItem('test.refuse')) throw new DOMException('push service error', 'AbortError');
      const s = { ...state(), key: [...o.applicationServerKey] };
      globalThis.asked.push({ ...o, key: s.key });
      keep(s);
      return sub(s);
    },
  };
  Object.defineProperty(ServiceWorkerRegistration.prototype, 'pushManager', { get: () => manager });
};

async function somebody({ at = relay, worker = true } = {}) {
  const page = await signedIn(browser, at, `pushed-${++count}`, 'Mia Santos', { worker, permissions: ['notifications'], init: service });
  const calls = (page.calls = []);
  page.on('request', (r) => /\/webchat\/push$/.test(r.url()) && calls.push([r.method(), r.postData() && JSON.parse(r.postData()).endpoint]));
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav .row-button').nth(3).click();
  return page;
}

const toggle = (page) => page.getByRole('switch', { name: /^Also while WebChat is closed/ });

test('switch-tells-the-relay-and-takes-it-back', async () => {
  const page = await somebody();
  await page.getByText('learns when there is news for you, but never what or from whom').waitFor();
  assert.equal(await toggle(page).isChecked(), false);
  assert.deepEqual(await axe(page), []);
  await toggle(page).check();
  await until('the relay knows', async () => page.calls.length === 1);
  assert.deepEqual(page.calls, [['PUT', 'https://push.example.com/1']]);
  const { key, userVisibleOnly } = (await page.evaluate(() => globalThis.asked))[0];
  const config = await relay.call('GET', '/api/v1/webchat/config');
  assert.equal(Buffer.from(key).toString('base64url'), config.push.key);
  assert.equal(userVisibleOnly, true);

  await page.reload();
  await until('it is still on', async () => toggle(page).isChecked());
  await page.waitForTimeout(300);
  assert.equal(page.calls.length, 1, 'nothing has changed, so nothing is told');
  await page.evaluate(() => localStorage.setItem('test.push', JSON.stringify({ ...JSON.parse(localStorage.getItem('test.push')), n: 7 })));
  await page.reload();
  await until('the new address is told', async () => page.calls.length === 2);
  assert.deepEqual(page.calls[1], ['PUT', 'https://push.example.com/7']);
  await page.evaluate(() => localStorage.setItem('test.push', JSON.stringify({ n: 8, key: [1, 2, 3] })));
  await page.reload();
  await until('one for another key is replaced', async () => page.calls.length === 3);
  assert.deepEqual(page.calls[2], ['PUT', 'https://push.example.com/9']);

  await toggle(page).uncheck();
  await until('the relay forgets', async () => page.calls.length === 4);
  assert.equal(page.calls[3][0], 'DELETE');
  await resize(page, { width: 320, height: 640 });
  assert.deepEqual(await tooWide(page), []);
  assert.deepEqual(page.faults, []);
  await leave(page);
});

test('what-cannot-be-says-why', async () => {
  const page = await somebody();
  await page.evaluate(() => localStorage.setItem('test.refuse', '1'));
  await toggle(page).click();
  await page.getByText("The browser's push service could not be reached.").waitFor();
  assert.equal(await toggle(page).isChecked(), false);
  assert.deepEqual(page.calls, []);
  await leave(page);

  const other = await somebody({ at: plain, worker: false });
  await other.getByText('This relay sends no pushes.').waitFor();
  assert.equal(await toggle(other).isDisabled(), true);
  assert.deepEqual([...page.faults, ...other.faults], []);
  await other.context().close();
});

test('push-shows-one-notification-that-says-nothing', async () => {
  const page = await somebody();
  await toggle(page).check();
  await until('the relay knows', async () => page.calls.length === 1);
  const context = page.context();
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  const cdp = await context.newCDPSession(page);
  let registration;
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => (registration = registrations.find((r) => !r.isDeleted)?.registrationId ?? registration));
  await cdp.send('ServiceWorker.enable');
  await until('the worker is known', async () => registration);
  const push = (data) => cdp.send('ServiceWorker.deliverPushMessage', { origin: relay.url, registrationId: registration, data });
  const shown = () => worker.evaluate(async () => (await self.registration.getNotifications()).map((n) => [n.title, n.body, n.tag]));
  await push('');
  await page.waitForTimeout(500);
  assert.deepEqual(await shown(), [], 'who looks at the page sees it there');
  await page.goto('about:blank');
  // the page that was left may count as seen for a moment more
  await until('it is shown', async () => (await push('secret words that no push of ours has'), (await shown()).length === 1));
  await push('');
  await page.waitForTimeout(300);
  assert.deepEqual(await shown(), [['WebChat', 'There is something new.', 'webchat:news']]);
  await leave(page);
});

test('another-address-of-the-browser-reaches-the-relay', async () => {
  const page = await somebody();
  await toggle(page).check();
  await until('the relay knows', async () => page.calls.length === 1);
  await page.evaluate(() => localStorage.setItem('test.push', JSON.stringify({ ...JSON.parse(localStorage.getItem('test.push')), n: 4 })));
  const worker = page.context().serviceWorkers()[0];
  // the first answer may still be on its way: then there is no address yet that could change
  await until('the relay knows the new one', async () => {
    await worker.evaluate(() => self.dispatchEvent(Object.assign(new Event('pushsubscriptionchange'), { newSubscription: {}, waitUntil: () => undefined })));
    return page.calls.length >= 2;
  });
  assert.deepEqual(page.calls[1], ['PUT', 'https://push.example.com/4']);
  assert.deepEqual(page.faults, []);
  await leave(page);
});
