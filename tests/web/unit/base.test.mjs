// The pure parts of the page, bundled as they are shipped and run by Node.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { modules } from './modules.mjs';

let m;

before(async () => {
  m = await modules({ text: 'base/text', rules: 'base/rules', sms: 'base/sms', delivery: 'base/delivery', contacts: 'base/contacts', rows: 'base/rows', scroll: 'base/scroll', launch: 'base/launch', ids: 'base/ids', model: 'base/model', archive: 'store/archive', lock: 'store/lock', inbox: 'core/inbox', client: 'wire/client' });
  await m.text.loadLinks();
});

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
  const group = `grp_${'0a'.repeat(16)}`;
  const made = m.launch.launchLink('https://p.example/chat.html', 'https://r.example:8443', { invite: 'pci_a-b_c', group, to: '' });
  assert.match(made, /^https:\/\/p\.example\/chat\.html#relay=/);
  const back = m.launch.parseLaunch(new URL(made).hash);
  assert.deepEqual([back.relay, back.invite, back.group, back.to], ['https://r.example:8443', 'pci_a-b_c', group, '']);
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

test('sms-parts-of-both-alphabets', () => {
  const count = (s) => Object.values(m.sms.smsParts(s));
  for (const [text, wanted] of [
    ['', [7, 1, 160]], ['a'.repeat(160), [7, 1, 0]], ['a'.repeat(161), [7, 2, 145]], ['a'.repeat(306), [7, 2, 0]], ['a'.repeat(307), [7, 3, 152]],
    ['ש'.repeat(70), [16, 1, 0]], ['ש'.repeat(71), [16, 2, 63]], ['ש'.repeat(134), [16, 2, 0]], ['ש'.repeat(135), [16, 3, 66]],
    ['äöüß@£\n', [7, 1, 153]], ['ç', [16, 1, 69]], ['Ç', [7, 1, 159]], ['`', [16, 1, 69]], ['a’b', [16, 1, 67]],
  ]) assert.deepEqual(count(text), wanted, text.slice(0, 20) + text.length);
  // two septets each, and never torn apart: 152 + € leaves one septet of the first part empty
  assert.deepEqual(count('€'.repeat(80)), [7, 1, 0]);
  assert.deepEqual(count('€'.repeat(81)), [7, 2, 153 - 10]);
  assert.deepEqual(count('a'.repeat(152) + '€' + 'a'.repeat(151)), [7, 2, 0]);
  assert.deepEqual(count('a'.repeat(152) + '€' + 'a'.repeat(152)), [7, 3, 152]);
  // a pair of UTF-16 counts as two and stays in one part
  assert.deepEqual(count('😀'.repeat(35)), [16, 1, 0]);
  assert.deepEqual(count('😀'.repeat(36)), [16, 2, 67 - 6]);
});

test('what-keeps-a-message-to-the-outside', () => {
  const min = 60_000;
  const wait = (states, phone, phones, now = 100 * min) => m.delivery.waitOf(states.map(([state, at]) => ({ state, at: at * min })), phone, phones.map(([phone_id, seen, leased = 0]) => ({ phone_id, last_seen_at: seen && seen * min, leased })), now);
  assert.deepEqual(wait([], '', []), { kind: 'none' });
  assert.deepEqual(wait([['queued', 99]], '', []), { kind: 'no-phone' });
  assert.deepEqual(wait([['queued', 99]], '', [['', 0]]), { kind: 'no-phone' }, 'the queue for any phone is none');
  assert.deepEqual(wait([['queued', 99]], '', [['pixel', 98]]), { kind: 'waits', phone: 'pixel' });
  assert.deepEqual(wait([['queued', 99]], '', [['pixel', 20]]), { kind: 'waits', phone: 'pixel' }, 'just written: the phone may come any moment');
  assert.deepEqual(wait([['queued', 90]], '', [['pixel', 20]]), { kind: 'silent', phone: 'pixel', minutes: 10 });
  assert.deepEqual(wait([['queued', 50], ['queued', 99]], '', [['pixel', 20], ['nokia', 40]]), { kind: 'silent', phone: '', minutes: 50 });
  assert.deepEqual(wait([['queued', 50]], 'nokia', [['pixel', 99], ['nokia', 40]]), { kind: 'silent', phone: 'nokia', minutes: 50 }, 'another phone does not fetch it');
  assert.deepEqual(wait([['claimed', 99]], '', [['pixel', 99, 1], ['nokia', 99]]), { kind: 'claimed', phone: 'pixel' });
});

test('states-to-the-outside-are-told-apart', () => {
  assert.equal(m.inbox.later('waiting', 'queued'), 'queued');
  assert.equal(m.inbox.later('claimed', 'queued'), 'claimed');
  assert.equal(m.inbox.later('claimed', 'sent'), 'sent');
});

test('contacts-are-the-same-by-channel-and-address', () => {
  const c = (name, channel, address) => ({ name, channel, address });
  const x = m.contacts;
  const list = [c('Anna', 'sms', '+4930123456'), c('Ben', 'email', 'ben@example.org')];
  assert.deepEqual(x.newOnes(list, [c('A', 'sms', '+49 30 123-456'), c('A', 'sms', '0049 30 123456'), c('B', 'email', 'BEN@example.org'), c('A', 'wa', '+4930123456'), c('A2', 'wa', '+49 30 123456')]), [c('A', 'wa', '+4930123456')]);
  assert.deepEqual(x.withOne(list, list[0], c('Anne', 'sms', '+49999')), [c('Anne', 'sms', '+49999'), list[1]]);
  assert.deepEqual(x.withOne(list, null, c('Anna K', 'sms', '+49 30 123456')).map((y) => y.name), ['Anna K', 'Ben']);
  assert.deepEqual(x.withOne(list, list[0], c('Ben', 'email', 'ben@example.org')).length, 1, 'changed into another one: once');
  assert.deepEqual(x.without(list, list[1]), [list[0]]);
  for (const [channel, text, wanted] of [['sms', 'tel:+49 (30) 123-456', '+4930123456'], ['sms', '0049 30 1', '+49301'], ['sms', 'Anna', ''], ['email', 'mailto:A@b.example', 'a@b.example'], ['email', 'a b@c', ''], ['pchat', '@Mira', 'mira'], ['pchat', 'a', ''], ['tg', ' @some_one ', '@some_one']]) assert.equal(x.cleanAddress(channel, text), wanted, text);
  assert.equal(x.cleanName(' a\u0000b\n c '), 'a b c');
  assert.ok(Buffer.byteLength(x.cleanName('ש'.repeat(300))) <= 256);
});

test('hues-are-the-same-everywhere', () => {
  assert.equal(m.ids.fnv1a('foobar'), 0xbf9cf968);
});
