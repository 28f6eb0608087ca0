// Safety, files, voice, leaving, and pages without HTTPS.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bubble, holds, isSent, launch, leave, linkTo, open, signedIn, signIn, startProxy, startRelay, talkTo, until, write } from './lib.mjs';

let relay, other, browser, page, ben;

before(async () => {
  [relay, other, browser] = await Promise.all([startRelay(), startRelay({ RELAY_NAME: 'Second relay' }), launch()]);
  ben = await relay.user('ben', 'Ben');
  page = await open(browser, linkTo(relay.page, 'ben'), {
    init: () => {
      globalThis.reports = [];
      document.addEventListener('securitypolicyviolation', (e) => globalThis.reports.push(`${e.violatedDirective} ${e.blockedURI}`));
    },
  });
  await signIn(page, 'mia', 'Mia');
  await page.locator('#compose').waitFor();
});
after(async () => {
  await browser?.close();
  await Promise.all([relay?.stop(), other?.stop()]);
});

/** A JPEG with a place and a camera in it. */
async function photo(o = {}) {
  const url = await page.evaluate(([w, h]) => {
    const c = document.createElement('canvas');
    [c.width, c.height] = [w, h];
    const x = c.getContext('2d');
    x.fillStyle = '#3a7';
    x.fillRect(0, 0, w, h);
    x.fillStyle = '#fff';
    x.fillRect(w / 4, h / 4, w / 2, h / 2);
    return c.toDataURL('image/jpeg');
  }, [o.w ?? 800, o.h ?? 600]);
  const plain = Buffer.from(url.split(',')[1], 'base64');
  const exif = Buffer.from('Exif\0\0MM CANARY-CAMERA GPS 52.5 13.4');
  const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
  return Buffer.concat([plain.subarray(0, 2), head, exif, plain.subarray(2)]);
}

const download = async (id) => Buffer.from(await (await fetch(`${relay.url}/api/v1/webchat/files/${id}`, { headers: { 'X-PChat-Session': ben.token } })).arrayBuffer());

test('exif-gone and U18 images-reserve-place', async () => {
  await page.locator('.compose input[type="file"]').setInputFiles({ name: 'holiday.jpg', mimeType: 'image/jpeg', buffer: await photo() });
  await page.locator('.staged-file').waitFor();
  assert.match(await page.locator('.staged-file').innerText(), /without place and camera/);
  await write(page, 'look at this');
  await page.locator('.msg.mine .photo img').waitFor();
  const got = await until('it arrives', async () => (await ben.poll()).find((m) => m.attachments));
  const bytes = await download(got.attachments[0].file_id);
  assert.ok(!bytes.includes('CANARY-CAMERA'));
  assert.equal(bytes.readUInt16BE(0), 0xffd8);
  const box = await page.locator('.msg.mine .photo').boundingBox();
  assert.ok(Math.abs(box.width / box.height - 4 / 3) < 0.05, `${box.width} x ${box.height}`);
});

test('U24 drag-paste-pick-same-row, as-a-file-is-untouched', async () => {
  const bytes = [...Buffer.from('%PDF-1.4 canary')];
  const rows = [];
  const take = async () => {
    await page.locator('.staged-file').waitFor();
    rows.push((await page.locator('.staged-file').innerText()).replace(/\s+/g, ' '));
    await page.getByRole('button', { name: 'Remove plan.pdf' }).click();
    await until('gone', async () => (await page.locator('.staged-file').count()) === 0);
  };
  await page.locator('.compose input[type="file"]').setInputFiles({ name: 'plan.pdf', mimeType: 'application/pdf', buffer: Buffer.from(bytes) });
  await take();
  for (const how of ['drop', 'paste']) {
    await page.evaluate(([b, how]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(b)], 'plan.pdf', { type: 'application/pdf' }));
      const el = document.querySelector('#compose');
      el.dispatchEvent(how === 'drop' ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }) : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, [bytes, how]);
    await take();
  }
  assert.equal(new Set(rows).size, 1, rows.join(' | '));
});

test('a-file-that-arrives-is-kept-after-the-relay-lets-it-go', async () => {
  const id = await ben.upload('list.txt', Buffer.from('milk, bread'), 'text/plain');
  await ben.send('mia', 'the list', { attachments: [id] });
  const b = bubble(page, 'the list');
  await b.getByText('on this device').waitFor();
  const kept = await page.evaluate(async () => {
    const name = (await indexedDB.databases()).map((d) => d.name).find((n) => n.startsWith('webchat:'));
    const db = await new Promise((d) => (indexedDB.open(name).onsuccess = (e) => d(e.target.result)));
    const rows = await new Promise((d) => (db.transaction('file').objectStore('file').getAll().onsuccess = (e) => d(e.target.result)));
    db.close();
    return Promise.all(rows.map((r) => r.v.blob.text()));
  });
  assert.ok(kept.includes('milk, bread'));
});

test('U25 fake-mic-record-preview-send-play and U26 leaving-keeps-take', async () => {
  await write(page, 'a note follows');
  await page.context().grantPermissions(['microphone']);
  await page.getByRole('button', { name: 'Record a voice message' }).click();
  await page.locator('.box.recording').waitFor();
  await until('two seconds are recorded', async () => (await page.locator('.rec-time').innerText()) >= '0:02');
  await page.getByRole('button', { name: 'New chat', exact: true }).click();
  await page.locator('.page-body').waitFor();
  await page.locator('.row', { hasText: 'Ben' }).first().click();
  await page.locator('.box.recording').waitFor();
  await page.getByRole('button', { name: 'Stop and listen' }).click();
  await page.getByRole('button', { name: 'Listen', exact: true }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.locator('.box.recording .main').click();
  const note = await until('it arrives', async () => (await ben.poll()).find((m) => m.kind === 'voice'));
  assert.ok(note.duration_ms >= 1000 && note.waveform.length > 3 && note.waveform.length <= 64);
  assert.equal(note.attachments[0].mime, 'audio/webm');
  const v = page.locator('.msg.mine .voice').last();
  await v.getByRole('button', { name: 'Play' }).click();
  await v.getByRole('button', { name: 'Pause' }).waitFor();
  await v.locator('.speed').click();
  assert.match(await v.locator('.speed').innerText(), /1\.5/);
});

test('U25 denied-microphone-says-how', async () => {
  await page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))));
  await page.getByRole('button', { name: 'Record a voice message' }).click();
  await page.getByText('The microphone is not allowed.').waitFor();
});

test('U34 csp-and-trusted-types-no-report', async () => {
  await page.keyboard.press('Control+,');
  await page.locator('.settings-nav').waitFor();
  for (const name of ['You', 'Privacy and this device', 'Help']) await page.locator('.settings-nav').getByRole('button', { name }).click();
  await page.keyboard.press('Escape');
  assert.deepEqual(await page.evaluate(() => globalThis.reports), []);
  assert.deepEqual(page.faults, []);
  const refused = await page.evaluate(() => {
    try {
      document.body.innerHTML += '<b>x</b>';
      return '';
    } catch (e) {
      return e.name;
    }
  });
  assert.equal(refused, 'TypeError');
});

test('U01 no-third-party-request', async () => {
  const seen = new Set();
  const fresh = await open(browser, 'about:blank');
  fresh.on('request', (r) => seen.add(new URL(r.url()).origin));
  await fresh.goto(relay.page);
  await signIn(fresh, 'nina');
  await talkTo(fresh, 'ben');
  await write(fresh, 'hello');
  await fresh.waitForTimeout(500);
  assert.deepEqual([...seen].filter((o) => o !== 'null'), [relay.url]);
  await fresh.context().close();
});

test('meta-policy-blocks-other-hosts', async () => {
  const blocked = await page.evaluate((url) => fetch(url + '/health').then(() => 'let through', () => 'blocked'), other.url);
  assert.equal(blocked, 'blocked');
  const still = await page.evaluate((url) => {
    document.querySelector('meta[http-equiv]').remove();
    return fetch(url + '/health').then(() => 'let through', () => 'blocked');
  }, other.url);
  assert.equal(still, 'blocked');
});

test('launch-link-asks-before-a-new-relay-is-trusted', async () => {
  const fresh = await open(browser, `${relay.page}#relay=${encodeURIComponent(other.url)}&mode=private&email=x%40example.org`);
  await fresh.getByRole('dialog').getByText('Second relay').waitFor();
  assert.match(await fresh.getByRole('dialog').innerText(), /Use this relay\?/);
  await fresh.getByRole('button', { name: 'Cancel' }).click();
  await until('back to its own relay', async () => (await fresh.locator('.relay-line').innerText()).includes(new URL(relay.url).host));
  await fresh.goto('about:blank');
  await fresh.goto(`${relay.page}#relay=${encodeURIComponent(other.url)}&mode=private`);
  await fresh.getByRole('button', { name: 'Use it' }).click();
  await signIn(fresh, 'far', 'Far Away');
  assert.match(await fresh.locator('.foot').innerText(), new RegExp(new URL(other.url).host));
  await leave(fresh);
});

test('settings-private-server-relay-word-for-word', async () => {
  await page.keyboard.press('Control+,');
  await page.getByRole('button', { name: 'Advanced relay, phone bridge, translation' }).click();
  await page.getByText('Private Server Relay', { exact: true }).waitFor();
  const field = page.getByLabel('Relay Server URL');
  await field.fill('not a url at all');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('That is no address of a relay.').waitFor();
  const noRelay = await startProxy(relay);
  noRelay.rule = (c) => (c.path.startsWith('/api') || c.path === '/health' ? { status: 200, body: { hello: 'world' } } : undefined);
  await field.fill(noRelay.url);
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByText('it is no WebChat relay').waitFor();
  await noRelay.stop();
  await page.getByLabel('Relay Server URL').fill(noRelay.url);
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByText('The relay cannot be reached.').first().waitFor();
  await page.getByLabel('Relay Server URL').fill(other.url);
  await page.getByRole('button', { name: 'Save' }).click();
  await until('asked or checked', async () => (await page.getByText('Second relay').count()) > 0);
  if (!(await page.getByRole('button', { name: 'Use it' }).count())) await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByLabel('E-mail').waitFor();
  await until('the sign-in of the other relay', async () => (await page.locator('.relay-line').innerText()).includes('Second relay'));
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.locator('.list').waitFor();
});

test('eleventh-session-asks-which-to-forget', async () => {
  const fresh = await open(browser, relay.page);
  await signIn(fresh, 'first');
  await fresh.evaluate(async () => {
    const db = await new Promise((d) => (indexedDB.open('webchat').onsuccess = (e) => d(e.target.result)));
    const tx = db.transaction('session', 'readwrite');
    const [one] = await new Promise((d) => (tx.objectStore('session').getAll().onsuccess = (e) => d(e.target.result)));
    for (let i = 0; i < 9; i++) tx.objectStore('session').put({ ...one, k: `s${i}`, v: { ...one.v, sid: `s${i}`, email: `s${i}@example.org`, address: `s${i}`, name: `Session ${i}`, signedOut: true, lastUsed: i } });
    await new Promise((d) => (tx.oncomplete = d));
    db.close();
  });
  await fresh.reload();
  await fresh.locator('.list-head .round').last().click();
  await fresh.getByRole('menuitem', { name: 'Add an account' }).click();
  await fresh.getByLabel('E-mail').fill('eleven@example.org');
  await fresh.getByRole('button', { name: 'Send me a code' }).click();
  await fresh.getByText('Ten sessions are the most').waitFor();
  await fresh.getByRole('dialog').getByRole('button', { name: /Session 3/ }).click();
  await fresh.locator('#code').waitFor();
  await leave(fresh);
});

/** All that a page keeps, as one text. */
const dump = (page) =>
  page.evaluate(async () => {
    let out = '';
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise((d) => (indexedDB.open(name).onsuccess = (e) => d(e.target.result)));
      for (const store of db.objectStoreNames) out += JSON.stringify(await new Promise((d) => (db.transaction(store).objectStore(store).getAll().onsuccess = (e) => d(e.target.result))));
      db.close();
    }
    return out;
  });

test('what-is-older-than-one-keeps-is-nowhere-on-the-device-but-what-was-not-sent-is', async () => {
  const proxy = await startProxy(relay);
  const fresh = await signedIn(browser, relay, 'kim', 'Kim', { url: proxy.page, to: 'ben' });
  await write(fresh, 'CANARY-OLD');
  await isSent(fresh, 'CANARY-OLD');
  await talkTo(fresh, 'mia');
  proxy.rule = (c) => (c.body.includes('refused once') ? { status: 403, body: { success: false, error: 'no_write_right', message: 'No.' } } : undefined);
  await write(fresh, 'refused once');
  await bubble(fresh, 'refused once').getByRole('button', { name: 'Try again' }).waitFor();
  await write(fresh, 'CANARY-LATER');
  await isSent(fresh, 'CANARY-LATER');
  await fresh.clock.setSystemTime(Date.now() + 3 * 86_400_000);
  await fresh.keyboard.press('Control+,');
  await fresh.getByRole('button', { name: 'Privacy and this device' }).click();
  await fresh.getByLabel('Keep messages on this device').selectOption({ label: '1 day' });
  await until('the text is gone', async () => !(await dump(fresh)).includes('CANARY'));
  assert.equal(await fresh.locator('.row', { hasText: 'CANARY' }).count(), 0);
  await fresh.locator('.row', { hasText: 'refused once' }).click();
  proxy.rule = () => undefined;
  await bubble(fresh, 'refused once').getByRole('button', { name: 'Try again' }).click();
  await isSent(fresh, 'refused once');
  assert.equal(await bubble(fresh, 'CANARY').count(), 0);
  await fresh.context().close();
  await proxy.stop();
});

test('lock-hides-text-in-database', async () => {
  const fresh = await signedIn(browser, relay, 'lena', 'lena', { to: 'ben' });
  await write(fresh, 'CANARY-WORDS');
  await isSent(fresh, 'CANARY-WORDS');
  await fresh.locator('#compose').fill('CANARY-DRAFT');
  await fresh.waitForTimeout(500);
  assert.match(await dump(fresh), /CANARY-WORDS.*CANARY-DRAFT|CANARY-DRAFT.*CANARY-WORDS/s);
  await fresh.keyboard.press('Control+,');
  await fresh.getByRole('button', { name: 'Privacy and this device' }).click();
  await fresh.getByLabel('Passphrase', { exact: true }).fill('correct horse');
  await fresh.getByLabel('Once more').fill('correct horse');
  await fresh.getByRole('button', { name: 'Lock with it' }).click();
  await fresh.getByRole('button', { name: 'Lock now' }).waitFor();
  const sealed = await dump(fresh);
  for (const word of ['CANARY', 'lena', 'pct_', 'pchat:ben']) assert.ok(!sealed.includes(word), `${word} is in the database`);
  await fresh.getByRole('button', { name: 'Lock now' }).click();
  await fresh.getByLabel('Passphrase').fill('wrong horse');
  await fresh.getByRole('button', { name: 'Open' }).click();
  await fresh.getByText('That is not the passphrase.').waitFor();
  await fresh.getByLabel('Passphrase').fill('correct horse');
  await fresh.getByRole('button', { name: 'Open' }).click();
  await fresh.locator('.list').waitFor();
  await fresh.locator('.row', { hasText: 'Ben' }).click();
  await bubble(fresh, 'CANARY-WORDS').waitFor();
  await holds(fresh.locator('#compose'), 'CANARY-DRAFT');
  await leave(fresh);
});

test('U36 sign-out-wipes', async () => {
  const fresh = await signedIn(browser, relay, 'gone', 'gone', { to: 'ben' });
  await write(fresh, 'soon away');
  await isSent(fresh, 'soon away');
  const names = () => fresh.evaluate(async () => (await indexedDB.databases()).map((d) => d.name));
  assert.equal((await names()).filter((n) => n.startsWith('webchat:')).length, 1);
  await fresh.locator('.list-head .round').last().click();
  await fresh.getByRole('menuitem', { name: 'Sign out' }).click();
  await fresh.locator('.card').first().getByRole('button', { name: 'Sign out' }).click();
  await fresh.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click();
  await fresh.getByLabel('E-mail').waitFor();
  await until('the database is gone', async () => (await names()).filter((n) => n.startsWith('webchat:')).length === 0);
  assert.equal(await fresh.locator('.row-button').count(), 0);
  await leave(fresh);
});

test('session-revoked-elsewhere-keeps-what-is-here', async () => {
  const fresh = await signedIn(browser, relay, 'rita', 'rita', { to: 'ben' });
  await write(fresh, 'still here');
  await isSent(fresh, 'still here');
  const again = await relay.user('rita');
  await again.call('POST', '/api/v1/pchat/auth/logout-all');
  await fresh.getByText('You are signed out here.').waitFor();
  assert.equal(await bubble(fresh, 'still here').count(), 1);
  await leave(fresh);
});

test('insecure-origin-degrades', async () => {
  const plain = await launch(['--host-resolver-rules=MAP home.example 127.0.0.1', '--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable']);
  try {
    const url = relay.page.replace('127.0.0.1', 'home.example');
    const p = await open(plain, url);
    assert.equal(await p.evaluate(() => isSecureContext), false);
    await p.getByText('Not encrypted', { exact: true }).waitFor();
    await p.getByText('This page is not encrypted').waitFor();
    await p.getByLabel('E-mail').fill('plain@example.org');
    await p.getByRole('button', { name: 'Send me a code' }).click();
    await p.locator('#code').fill(relay.code('plain@example.org'));
    await p.getByText('First time here?').click();
    await p.getByLabel('Chat address').fill('plain');
    await p.getByRole('button', { name: 'Sign in', exact: true }).click();
    await p.locator('.list').waitFor();
    await talkTo(p, 'ben');
    await write(p, 'from the kitchen');
    await isSent(p, 'from the kitchen');
    await p.getByRole('button', { name: 'Record a voice message' }).click();
    await p.getByText('This browser records only on encrypted pages').waitFor();
    assert.deepEqual(p.faults, []);
  } finally {
    await plain.close();
  }
});

test('the-shell-opens-offline', async () => {
  const fresh = await signedIn(browser, relay, 'pwa', 'pwa', { worker: true });
  await until('the worker controls the page', () => fresh.evaluate(async () => !!(await navigator.serviceWorker.getRegistration())?.active));
  await fresh.reload();
  await fresh.locator('.list').waitFor();
  await until('it controls', () => fresh.evaluate(() => !!navigator.serviceWorker.controller));
  await fresh.context().setOffline(true);
  await fresh.reload();
  await fresh.locator('.list').waitFor();
  await fresh.getByText('Not connected.').waitFor();
  await fresh.context().close();
});
