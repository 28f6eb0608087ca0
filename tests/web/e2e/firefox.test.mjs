// The first minute and the second device in Firefox, over a real relay.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Enter, launchFirefox, missing } from './firefox.mjs';
import { startRelay, until } from './lib.mjs';

let relay, ben, key, file;
const open = [];
before(async () => {
  if (missing) return;
  relay = await startRelay();
  ben = await relay.user('ben', 'Ben Okri');
});
after(async () => {
  await Promise.all(open.map((f) => f.stop()));
  await relay?.stop();
});

/** A Firefox that is signed in as Mia; what its page complains of is kept in `window.faults`. */
async function signedIn() {
  const f = await launchFirefox();
  open.push(f);
  await f.open(`${relay.page}#relay=${encodeURIComponent(relay.url)}&mode=private&email=mia%40example.org&name=Mia%20Santos`);
  await f.run('window.faults = []; for (const n of ["error", "unhandledrejection", "securitypolicyviolation"]) addEventListener(n, (e) => window.faults.push(String(e.message ?? e.reason ?? e.blockedURI)))');
  await f.click('button', 'Send me a code');
  await until('the code of a loopback relay is filled in', () => f.run('return document.querySelector("#code")?.value.length === 6'));
  await f.click('button', 'Sign in');
  await f.wait('.list h1', 'Chats');
  return f;
}
const bubble = (f, text) => f.wait('.bubble', text);
const sound = async (f) => assert.deepEqual(await f.run('return window.faults'), []);

test('J1 in-firefox', { skip: missing || false }, async () => {
  const f = await signedIn();
  await f.click('button', 'Find people');
  await f.click('[data-person="ben"]');
  await f.type('#compose', `Hello Ben${Enter}`);
  await until('it is sent', () => f.run('return ["sent", "delivered"].includes(document.querySelector(".msg.mine")?.dataset.state)'));
  assert.deepEqual((await ben.poll()).map((m) => m.text), ['Hello Ben']);
  await ben.send('mia-santos', 'Hello Mia', { attachments: [await ben.upload('map.txt', Buffer.from('turn left'), 'text/plain')] });
  await bubble(f, 'Hello Mia');
  await f.wait('.msg .file', 'on this device');
  assert.equal(await f.run('return document.activeElement.id'), 'compose');
  await sound(f);
});

test('J2 in-firefox', { skip: missing || false }, async () => {
  const [first] = open;
  await first.click('button', 'Account');
  await first.click('[role="menuitem"]', 'Settings');
  await first.click('.settings-nav button', 'Privacy and this device');
  await first.click('button', 'Make the file');
  await first.wait('.archive-key');
  key = await first.run('return document.querySelector(".archive-key").textContent');
  file = await until('the file is saved', () => {
    const [name, ...more] = readdirSync(first.downloads).filter((n) => n.startsWith('webchat-history-'));
    return name && more.length === 0 && readFileSync(join(first.downloads, name)).length > 0 && join(first.downloads, name);
  });
  assert.ok(!readFileSync(file).includes('Hello Ben'));
  const second = await signedIn();
  await second.click('button', 'Bring my history');
  await second.wait('button', 'Bring from a file');
  await second.type('input[accept=".webchat"]', file);
  await second.fill('#archive-key', key);
  await second.click('dialog button', 'Bring from a file');
  await second.wait('.toast', '2 messages were brought');
  await second.click('.row', 'Ben Okri');
  await bubble(second, 'Hello Ben');
  await bubble(second, 'Hello Mia');
  await second.wait('.msg .file', 'on this device');
  await sound(first);
  await sound(second);
});
