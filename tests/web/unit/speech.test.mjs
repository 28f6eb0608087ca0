// Voice notes as text without a page: what is asked for, in which order, how often, and what is kept.
import assert from 'node:assert/strict';
import { before, mock, test } from 'node:test';
import { modules } from './modules.mjs';

let m;

before(async () => {
  m = await modules({ lang: 'base/lang', trouble: 'base/trouble', transcripts: 'core/transcripts', translations: 'core/translations', translator: 'core/translator', prefs: 'core/prefs', inbox: 'core/inbox', store: 'store/store', lock: 'store/lock', search: 'view/search' });
});

const note = (key, more = {}) => ({ key, id: `msg_${key}`, chat: 'pchat:ben', at: Number(key), from: 'ben', name: 'Ben', mine: false, kind: 'voice', text: '', state: 'in', duration: 3000, files: [{ file_id: `fil_${key}`, key: `fil_${key}`, name: 'v.webm', mime: 'audio/webm', size: 9, at: 'here' }], ...more });
/** Lets everything run that waits for nothing but itself. */
const settle = async () => {
  for (let i = 0; i < 60; i++) await new Promise((d) => setImmediate(d));
};

async function hearer(o = {}) {
  const store = await m.store.Store.open('unit', o.cipher);
  const calls = [];
  const hearings = new Map();
  const told = [];
  const taken = [];
  const h = { calls, hearings, told, taken, store, answer: async (id) => ({ text: `said in ${id}`, language: 'de' }) };
  h.t = new m.transcripts.Transcripts({
    store, name: () => 'whisper', lend: async (x) => o.lend?.(x), takeBack: async (id) => void taken.push(id), api: { transcribe: (id) => (calls.push(id), h.answer(id)) },
    onHearing: (k, x) => (x ? hearings.set(k, x) : hearings.delete(k)), onMessage: async (msg, pressed) => void told.push([msg.key, pressed]),
  });
  h.keep = async (...messages) => (await store.message.put(...messages), messages);
  return h;
}
const trouble = (kind, code, more = {}) => {
  throw new m.trouble.Trouble(kind, code, '', { status: 503, ...more });
};

test('what-is-written-down-is-kept-in-its-message', async () => {
  const h = await hearer();
  const [a] = await h.keep(note('1'));
  h.t.press(a);
  assert.equal(h.hearings.get('1').t, 'busy');
  await settle();
  assert.deepEqual((await h.store.message.get('1')).transcript, { text: 'said in fil_1', lang: 'de', by: 'whisper' });
  assert.deepEqual([h.hearings.size, h.told], [0, [['1', true]]]);
});

test('one-at-a-time-pressed-ones-first-then-the-newest', async () => {
  const h = await hearer();
  const open = [];
  h.answer = (id) => new Promise((done) => open.push(() => done({ text: id })));
  const list = await h.keep(note('1'), note('2'), note('3'), note('4'));
  for (const x of list.slice(0, 3)) h.t.want(x, true);
  await settle();
  assert.equal(h.calls.length, 1);
  h.t.press(list[3]);
  for (let i = 0; i < 4; i++) {
    open[i]();
    await settle();
  }
  assert.deepEqual(h.calls.slice(1), ['fil_4', 'fil_3', 'fil_2']);
});

test('what-left-the-view-is-not-asked-for', async () => {
  const h = await hearer();
  let let_go;
  h.answer = (id) => new Promise((done) => (let_go = () => done({ text: id })));
  const [a, b] = await h.keep(note('2'), note('1'));
  h.t.want(a, true);
  h.t.want(b, true);
  h.t.want(b, false);
  await settle();
  let_go();
  await settle();
  assert.deepEqual(h.calls, ['fil_2']);
});

test('withdrawn-or-deleted-meanwhile-nothing-is-kept', async () => {
  const h = await hearer();
  const [a, b] = await h.keep(note('1'), note('2'));
  h.answer = async (id) => {
    if (id === 'fil_1') await h.store.message.del('1');
    else await h.store.message.put({ ...b, files: undefined, withdrawn: 5 });
    return { text: 'late' };
  };
  h.t.press(a);
  h.t.press(b);
  await settle();
  assert.equal(await h.store.message.get('1'), undefined);
  assert.equal((await h.store.message.get('2')).transcript, undefined);
  assert.deepEqual(h.told, []);
});

test('what-the-relay-let-go-is-lent-to-it-and-taken-back', async () => {
  let here = 'fil_lent';
  const h = await hearer({ lend: () => here });
  const [a, b] = await h.keep(note('1'), note('2'));
  h.answer = async (id) => (id === 'fil_lent' ? { text: 'again' } : trouble('refused', 'unknown_file', { status: 404 }));
  h.t.press(a);
  await settle();
  assert.deepEqual([h.calls, h.taken, (await h.store.message.get('1')).transcript.text], [['fil_1', 'fil_lent'], ['fil_lent'], 'again']);
  h.answer = async (id) => trouble(id === 'fil_lent' ? 'broken' : 'refused', id === 'fil_lent' ? 'engine_failed' : 'unknown_file', { status: 404 });
  h.t.press(b);
  await settle();
  assert.equal(h.taken.length, 2, 'also when it came to nothing');
  assert.equal(h.hearings.get('2').code, 'engine_failed');
  here = undefined;
  const [c] = await h.keep(note('3'));
  h.t.again();
  h.t.press(c);
  await settle();
  assert.equal(h.hearings.get('3').code, 'unknown_file', 'it is not here either');
});

test('a-pause-is-kept-and-then-it-is-asked-again', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    const h = await hearer();
    const [a, b] = await h.keep(note('1'), note('2'));
    h.answer = async () => trouble('later', 'rate_limited', { waitMs: 30_000 });
    h.t.press(a);
    await settle();
    assert.deepEqual(h.hearings.get('1'), { t: 'bad', code: 'rate_limited', waitMs: 30_000, again: true, pressed: true });
    h.t.press(b);
    await settle();
    assert.equal(h.calls.length, 1, 'nobody is asked during the pause');
    assert.equal(h.hearings.get('2').code, 'rate_limited');
    h.answer = async (id) => ({ text: id });
    mock.timers.tick(30_001);
    await settle();
    assert.deepEqual([h.calls.length, h.hearings.size], [3, 0]);
  } finally {
    mock.timers.reset();
  }
});

test('after-three-tries-it-waits-for-a-press', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    const h = await hearer();
    const [a] = await h.keep(note('1'));
    h.answer = async () => trouble('later', 'engine_unavailable', { waitMs: 1000 });
    h.t.press(a);
    for (let i = 0; i < 10; i++) {
      await settle();
      mock.timers.tick(400_000);
    }
    assert.equal(h.calls.length, 3);
    assert.equal(h.hearings.get('1').again, false);
  } finally {
    mock.timers.reset();
  }
});

test('a-refusal-of-all-stops-the-others-one-of-a-recording-does-not', async () => {
  const h = await hearer();
  const list = await h.keep(note('1'), note('2'), note('3'));
  h.answer = async (id) => (id === 'fil_1' ? trouble('refused', 'too_large', { status: 413 }) : trouble('refused', 'transcription_off', { status: 404 }));
  for (const x of list) h.t.want(x, true);
  await settle();
  assert.deepEqual(h.calls, ['fil_1', 'fil_3'], 'the last one is not asked for');
  assert.deepEqual(list.map((x) => h.hearings.get(x.key).code).sort(), ['too_large', 'transcription_off', 'transcription_off']);
});

test('too-long-ones-are-not-asked-for-by-themselves', () => {
  const limits = { max_transcribe_bytes: 100, max_transcribe_ms: 5000 };
  assert.equal(m.transcripts.isShortEnough(note('1'), limits), true);
  assert.equal(m.transcripts.isShortEnough(note('1', { duration: 5001 }), limits), false);
  assert.equal(m.transcripts.isShortEnough(note('1', { files: [{ size: 101 }] }), limits), false);
});

test('a-transcript-is-translated-and-found-like-text', async () => {
  const store = await m.store.Store.open('unit');
  const heard = note('1', { transcript: { text: 'Der Weg am See ist wieder offen', lang: 'de', by: 'whisper' } });
  await store.message.put(heard);
  const asked = [];
  const entries = new Map();
  const config = { features: { translation: true }, translation: { languages: ['de', 'es'], engine: 'local', name: 'Test' } };
  const api = { translate: async (texts, target, source) => (asked.push([texts, target, source]), { translations: texts.map((t) => ({ text: `${target}:${t}`, source })) }) };
  const t = new m.translations.Translations({
    store, translators: () => m.translator.translatorsOf({ translateBy: 'relay', translateFor: 'local Test' }, config, api, { can: async () => 'no' }), detect: async () => undefined, reads: () => [],
    onEntry: (k, e) => entries.set(k, e), onDone: () => 0, onFailure: () => 0,
  });
  t.look([heard], 'es');
  await settle();
  assert.deepEqual(asked, [[['Der Weg am See ist wieder offen'], 'es', 'de']]);
  assert.equal(entries.get('1').text, 'es:Der Weg am See ist wieder offen');
  assert.equal((await store.translation.get('1')).of, 'Der Weg am See ist wieder offen');
  assert.match(m.search.hitOf(heard, 'am see').text, /Weg am See/);
  t.look([note('2')], 'es');
  await settle();
  assert.equal(asked.length, 1, 'a note without words is left alone');
});

test('a-transcript-survives-the-scrub-and-goes-with-a-withdrawal', async () => {
  const store = await m.store.Store.open('unit');
  const inbox = new m.inbox.Inbox(store, 'mia');
  const item = { message_id: 'msg_1', channel: 'pchat', from: 'ben', to: 'mia', kind: 'voice', text: '', created_at: 5, attachments: [{ file_id: 'fil_1', url: '', name: 'v', mime: 'audio/webm', size: 9 }] };
  await inbox.apply([item]);
  const kept = await store.message.get('msg_1');
  await store.message.put({ ...kept, transcript: { text: 'hello', by: 'x' } });
  await inbox.apply([{ ...item, attachments: undefined, scrubbed_at: 9 }]);
  const scrubbed = await store.message.get('msg_1');
  assert.deepEqual([scrubbed.transcript?.text, scrubbed.scrubbed, scrubbed.files?.length], ['hello', undefined, 1]);
  await inbox.apply([{ ...item, attachments: undefined, deleted_at: 10 }]);
  assert.equal((await store.message.get('msg_1')).transcript, undefined);
  await inbox.apply([{ ...item, message_id: 'msg_2', attachments: undefined, scrubbed_at: 9 }]);
  await inbox.apply([{ ...item, message_id: 'msg_2', attachments: undefined, scrubbed_at: 9 }]);
  assert.equal((await store.message.get('msg_2')).scrubbed, 9, 'what this device never had stays so');
});

test('the-lock-seals-it-with-the-message', async () => {
  const cipher = await m.lock.Cipher.fresh();
  const h = await hearer({ cipher: () => cipher });
  const [a] = await h.keep(note('1'));
  h.answer = async () => ({ text: 'Marzipan' });
  h.t.press(a);
  for (const end = Date.now() + 5000; !h.told.length && Date.now() < end; ) await settle();
  assert.equal((await h.store.message.get('1')).transcript.text, 'Marzipan');
  const rows = await h.store.backend.all('message');
  assert.ok(rows.every((r) => r.s && !r.v), 'nothing of it is in clear');
});

test('the-choice-goes-to-other-devices-and-the-newer-one-wins', async () => {
  const relay = { prefs: JSON.stringify({ theirs: 1, reading: { chats: {} } }), etag: '1' };
  const device = (settings = {}) => {
    let clock = 100;
    const e = {
      settings, inbox: { chats: new Map(), chat: (key) => ({ key }) }, now: () => ++clock, changeChat: async () => undefined,
      saveSettings: async (c) => void (e.settings = { ...e.settings, ...c }),
      api: { prefs: async () => ({ ...relay }), putPrefs: async (text) => void (relay.prefs = text) },
    };
    return e;
  };
  const a = device();
  await m.prefs.changeVoice(a, { voiceAuto: true, voiceFor: 'local whisper' });
  await settle();
  assert.deepEqual(JSON.parse(relay.prefs), { theirs: 1, reading: { chats: {} }, voice: { auto: true, engine: 'local whisper', at: 101 } });
  const b = device();
  await m.prefs.syncPrefs(b);
  assert.deepEqual([b.settings.voiceAuto, b.settings.voiceFor], [true, 'local whisper']);
  const puts = relay.prefs;
  await m.prefs.syncPrefs(b);
  assert.equal(relay.prefs, puts);
  b.now = () => 500;
  await m.prefs.changeVoice(b, { voiceAuto: false, voiceFor: 'local whisper' });
  await settle();
  await m.prefs.syncPrefs(a);
  assert.equal(a.settings.voiceAuto, false);
});
