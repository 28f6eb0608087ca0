// The pure parts of the page, bundled as they are shipped and run by Node.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const web = resolve(dirname(fileURLToPath(import.meta.url)), '../../../web');
const { build } = createRequire(join(web, 'package.json'))('esbuild');
let dir;
let m;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'webchat-unit-'));
  const names = { text: 'base/text', rules: 'base/rules', rows: 'base/rows', scroll: 'base/scroll', launch: 'base/launch', ids: 'base/ids', model: 'base/model', archive: 'store/archive', lock: 'store/lock', inbox: 'core/inbox', client: 'wire/client' };
  await build({ stdin: { contents: Object.entries(names).map(([n, p]) => `export * as ${n} from './src/${p}';`).join('\n'), resolveDir: web, loader: 'ts' }, bundle: true, format: 'esm', platform: 'node', outfile: join(dir, 'unit.mjs') });
  globalThis.crypto ??= (await import('node:crypto')).webcrypto;
  m = await import(pathToFileURL(join(dir, 'unit.mjs')));
  await m.text.loadLinks();
});
after(() => rmSync(dir, { recursive: true }));

test('links-are-found-and-only-safe-ones', () => {
  const links = (s) => m.text.pieces(s).filter((p) => p.t === 'link').map((p) => p.href);
  assert.deepEqual(links('see https://a.example/x?y=1, and b.example.org. mail me@c.example'), ['https://a.example/x?y=1', 'https://b.example.org/', 'mailto:me@c.example']);
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'ftp://a.example/', 'https://u:p@a.example/', 'file:///etc/passwd', '//a.example/x']) assert.deepEqual(links(`x ${bad} y`), [], bad);
  assert.deepEqual(links('`https://code.example/` stays'), []);
  const text = 'שלום https://a.example/b 123 ```\nx < y\n``` end';
  assert.equal(m.text.pieces(text).map((p) => (p.t === 'block' ? '```\n' + p.s + '\n```' : p.s)).join(''), text, 'nothing is lost');
});

test('names-show-what-would-turn-them', () => {
  assert.equal(m.text.plainName('Bob\u202Egnp\u0000'), 'Bob‹202E›gnp‹0000›');
  assert.equal(m.text.plainName('יוסף'), 'יוסף');
});

test('a-chat-address-reads-from-left-to-right', () => {
  assert.equal(m.text.handleOf('ben'), '\u2066@ben\u2069');
});

test('initials-of-many-scripts', () => {
  for (const [name, wanted] of [['Anna Keller', 'AK'], ['יוסף לוי', 'יל'], ['李小龙', '李'], ['たなか', 'た'], ['bob', 'B'], ['jean-luc picard', 'JP'], ['🙂', '🙂'], ['', '?'], ['@42', '4']]) assert.equal(m.text.initials(name), wanted, name);
});

test('big-emoji-and-nothing-else', () => {
  for (const s of ['👍', '❤️', '👨‍👩‍👧', '🇩🇪🇫🇷', '😀😀😀']) assert.equal(m.text.isBigEmoji(s), true, s);
  for (const s of ['', 'a👍', '12', '#', '😀😀😀😀', '👍 👍']) assert.equal(m.text.isBigEmoji(s), false, s);
});

test('addresses-made-from-names', () => {
  for (const [name, mail, wanted] of [['Mia Santos', '', 'mia-santos'], ['José Ñandú', '', 'jose-nandu'], ['יוסף', 'yosef.l@example.org', 'yosef-l'], ['מ', 'a@b.c', '']]) assert.equal(m.rules.suggestAddress(name, mail), wanted);
});

test('addresses-of-relays', () => {
  for (const [typed, wanted] of [['chat.example.com', 'https://chat.example.com'], [' http://10.0.0.1:5110/ ', 'http://10.0.0.1:5110'], ['https://a.example/app/webchat/chat.html', 'https://a.example'], ['https://a.example/base/', 'https://a.example/base'],
    ['ftp://a.example', null], ['https://u@a.example', null], ['not a url', null], ['', null], ['https://', null]]) assert.equal(m.rules.relayUrl(typed), wanted, typed);
});

test('action-paths-allow-listed', () => {
  const group = 'grp_' + '0'.repeat(32);
  for (const ok of [`/api/v1/webchat/groups/${group}/requests/req_${'a'.repeat(32)}/approve`, '/api/v1/webchat/admin/access-requests/req_abcdefgh/deny', '/api/v1/webchat/invites/inv_abcdefgh/accept']) assert.equal(m.rules.isAllowedAction(ok), true, ok);
  for (const bad of [`/api/v1/webchat/groups/${group}/leave`, '/api/v1/pchat/auth/logout-all', `/api/v1/webchat/groups/${group}/requests/req_abcdefgh/../../leave`, `/api/v1/webchat/groups/${group}`, 'https://evil.example/api/v1/webchat/admin/access-requests/req_abcdefgh/deny', '/api/v1/webchat/admin/access-requests/req_abcdefgh/approve?x=1']) assert.equal(m.rules.isAllowedAction(bad), false, bad);
});

test('launch-links-take-only-what-they-may', () => {
  const l = m.launch.parseLaunch('#relay=https%3A%2F%2Fr.example&mode=private&email=a%40b.example&name=Ann&session=Laptop&to=bob');
  assert.deepEqual([l.relay, l.email, l.name, l.session, l.to], ['https://r.example', 'a@b.example', 'Ann', 'Laptop', 'bob']);
  for (const bad of ['', '#', '#/x', '#relay=javascript%3Aalert(1)', '#relay=https%3A%2F%2Fu%3Ap%40r.example', '#foo=bar']) assert.equal(m.launch.parseLaunch(bad), null, bad);
  assert.equal(m.launch.parseLaunch('#relay=r.example&to=../x').to, '');
});

const say = (key, at, more = {}) => ({ key, chat: 'c', at, from: 'a', name: 'A', mine: false, kind: 'text', text: 'x', state: 'in', ...more });
const at = (day, minute) => new Date(2026, 0, day, 12, minute).getTime();

test('rows-have-day-lines-runs-and-the-divider', () => {
  const rows = m.rows.rowsOf([say('1', at(1, 0)), say('2', at(1, 3)), say('3', at(1, 30)), say('4', at(1, 31), { mine: true, from: 'me' }), say('5', at(2, 0))], { before: '4', count: 2 });
  assert.deepEqual(rows.map((r) => (r.t === 'message' ? `${r.key}${r.first ? 'F' : ''}${r.last ? 'L' : ''}` : r.t)), ['day', '1F', '2L', '3FL', 'unread', '4FL', 'day', '5FL']);
});

test('scroll-goes-where-it-should-and-nowhere-else', () => {
  const seen = (first, last, count) => ({ first, last, count });
  const go = (before, after, more) => m.scroll.scrollFor({ before, after, atBottom: false, ownSend: false, hasDivider: false, atEnd: true, ...more });
  assert.equal(go(null, seen('a', 'z', 9), {}), 'bottom');
  assert.equal(go(null, seen('a', 'z', 9), { hasDivider: true }), 'divider');
  assert.equal(go(null, seen('a', 'z', 9), { atEnd: false }), 'nothing');
  assert.equal(go(null, { count: 0 }, {}), 'nothing');
  const now = seen('a', 'y', 9);
  assert.equal(go(now, seen('a', 'z', 10), {}), 'nothing', 'scrolled up');
  assert.equal(go(now, seen('a', 'z', 10), { atBottom: true }), 'bottom');
  assert.equal(go(now, seen('a', 'z', 10), { ownSend: true }), 'bottom');
  assert.equal(go(now, seen('0', 'y', 19), {}), 'keep-bottom', 'older ones came');
  assert.equal(go(now, seen('a', 'z', 10), { atBottom: true, atEnd: false }), 'nothing');
});

test('states-never-move-backward', () => {
  assert.equal(m.inbox.later('read', 'delivered'), 'read');
  assert.equal(m.inbox.later('sent', 'read'), 'read');
  assert.equal(m.inbox.later('waiting', 'sent'), 'sent');
  assert.equal(m.inbox.later('failed', 'sent'), 'sent');
  assert.equal(m.inbox.later('delivered', 'expired'), 'expired');
});

test('chats-are-keyed-by-who-and-how', () => {
  const chat = (item, mine = false) => m.inbox.chatOfItem({ channel: 'pchat', kind: 'text', from: 'bob', to: 'me', ...item }, 'me', mine);
  assert.equal(chat({}), 'pchat:bob');
  assert.equal(chat({ from: 'me', to: 'bob' }, true), 'pchat:bob');
  assert.equal(chat({ from: 'me', to: 'me' }, true), 'self');
  assert.equal(chat({ from: 'relay', kind: 'system' }), 'relay');
  assert.equal(chat({ group_id: 'grp_1' }), 'grp_1');
  assert.equal(chat({ channel: 'sms', from: '+49 30 (12)-3456', phone_id: 'pixel' }), 'sms:pixel:+49301234' + '56');
  assert.deepEqual(m.model.partsOf('sms:pixel:+4930:1'), { kind: 'outside', address: '+4930:1', channel: 'sms', phone: 'pixel' });
});

test('answers-become-troubles-that-views-understand', () => {
  const t = (status, body, after) => m.client.troubleOf(status, body, after);
  assert.equal(t(401, { error: 'credential_expired' }, null).kind, 'signed-out');
  assert.equal(t(401, { error: 'code_invalid' }, null).kind, 'refused');
  assert.deepEqual([t(429, null, '7').kind, t(429, null, '7').more.waitMs], ['later', 7000]);
  assert.equal(t(503, { error: 'busy' }, null).kind, 'later');
  assert.equal(t(502, null, null).kind, 'broken');
  assert.equal(t(422, { error: 'idempotency_key_reused' }, null).kind, 'refused');
});

test('key-of-an-archive-survives-paper', () => {
  const bytes = Uint8Array.from({ length: 20 }, (_, i) => (i * 37 + 11) & 255);
  const text = m.archive.keyText(bytes);
  assert.match(text, /^([A-Z2-9]{4}-){7}[A-Z2-9]{4}$/);
  assert.deepEqual(m.archive.keyBytes(text.toLowerCase().replace(/-/g, ' ')), bytes);
  for (const bad of ['', 'ABCD', text.slice(1), text + 'A']) assert.equal(m.archive.keyBytes(bad), null);
});

test('lock-opens-with-its-passphrase-only', async () => {
  const cipher = await m.lock.Cipher.fresh();
  const record = await cipher.wrap('pässword ☂');
  const again = await m.lock.Cipher.unwrap(record, 'pässword ☂');
  const value = { text: 'שלום', n: 1, list: [1, { a: null }], blob: new Blob(['bytes'], { type: 'text/plain' }) };
  const open = await again.open(await cipher.seal(value));
  assert.equal(await open.blob.text(), 'bytes');
  assert.equal(open.blob.type, 'text/plain');
  assert.deepEqual({ ...open, blob: 0 }, { ...value, blob: 0 });
  assert.equal(await m.lock.Cipher.unwrap(record, 'password ☂'), null);
  assert.equal(await cipher.hide('pchat:ben'), await again.hide('pchat:ben'));
  assert.notEqual(await cipher.hide('pchat:ben'), await cipher.hide('pchat:bem'));
});

test('parts-of-an-sms', () => {
  assert.deepEqual(m.rules.smsParts('a'.repeat(160)), { parts: 1, left: 0 });
  assert.equal(m.rules.smsParts('a'.repeat(161)).parts, 2);
  assert.equal(m.rules.smsParts('ש'.repeat(71)).parts, 2);
  assert.equal(m.rules.smsParts('€'.repeat(80)).parts, 1);
});

test('hues-are-the-same-everywhere', () => {
  assert.equal(m.ids.fnv1a('foobar'), 0xbf9cf968);
});
