// Translation without a page: what is asked for, of whom, how often, and what is kept.
import assert from 'node:assert/strict';
import { before, mock, test } from 'node:test';
import { modules } from './modules.mjs';

let m;

before(async () => {
  m = await modules({ lang: 'base/lang', rules: 'base/rules', trouble: 'base/trouble', keeping: 'base/keeping', translations: 'core/translations', translator: 'core/translator', device: 'core/translator-device', prefs: 'core/prefs', inbox: 'core/inbox', store: 'store/store' });
});

const msg = (key, text, more = {}) => ({ key, id: `msg_${key}`, chat: 'pchat:ben', at: Number(key), from: 'ben', name: 'Ben', mine: false, kind: 'text', text, state: 'in', lang: 'de', ...more });
const list = (n, more = {}) => Array.from({ length: n }, (_, i) => msg(String(n - i), `Nachricht Nummer ${n - i}`, more));
/** Lets everything run that waits for nothing but itself. */
const settle = async () => {
  for (let i = 0; i < 60; i++) await new Promise((d) => setImmediate(d));
};

/** A relay's engine that notes its calls. `answer` may be replaced. */
function fakeEngine() {
  const e = { calls: [], answer: (texts, target, source) => texts.map((t) => ({ text: `${target}:${t}`, source: source ?? 'de', unchanged: false })) };
  e.api = { translate: async (texts, target, source) => (e.calls.push({ texts, target, source }), { translations: await e.answer(texts, target, source) }) };
  e.config = { features: { translation: true }, translation: { languages: ['en', 'es', 'de', 'fr'], engine: 'local', name: 'Test' } };
  return e;
}

async function reader(o = {}) {
  const engine = o.engine ?? fakeEngine();
  const store = await m.store.Store.open('unit');
  const entries = new Map();
  const seen = { done: 0, failures: [] };
  const device = new m.device.DeviceTranslator(o.browser ?? {});
  const t = new m.translations.Translations({
    store, translators: () => m.translator.translatorsOf(o.choice ?? { translateBy: 'relay', translateFor: 'local Test' }, engine.config, engine.api, device),
    detect: o.detect ?? (async () => undefined), reads: () => o.reads ?? [],
    onEntry: (k, e) => (e ? entries.set(k, e) : entries.delete(k)), onDone: (n) => (seen.done += n), onFailure: (f) => seen.failures.push(f),
  });
  const keep = async (messages) => (await store.message.put(...messages), messages);
  return { t, engine, store, entries, seen, keep, device };
}

// -- what is worth asking for ----------------------------------------------------------------------

test('tags-of-one-language-are-one', () => {
  for (const [a, b, same] of [['de', 'de-AT', true], ['pt-BR', 'pt', true], ['iw', 'he', true], ['nb', 'no', true], ['zh-Hans', 'zh-CN', true], ['zh-Hans', 'zh-Hant', false], ['es', 'en', false]]) assert.equal(m.lang.sameLanguage(a, b), same, `${a} ${b}`);
  assert.equal(m.lang.offeredAs('pt', ['en', 'pt-BR']), 'pt-BR');
  assert.equal(m.lang.offeredAs('zh-Hans', ['zh']), 'zh');
  assert.equal(m.lang.offeredAs('xx', ['en']), undefined);
});

test('letters-tell-some-languages-and-no-more', () => {
  for (const [text, lang] of [['שלום לכולם', 'he'], ['καλημέρα', 'el'], ['안녕하세요', 'ko'], ['これは本です', 'ja'], ['сегодня', undefined], ['مرحبا', undefined], ['good day', undefined], ['', undefined]]) assert.equal(m.lang.languageByScript(text), lang, text);
  assert.equal(m.lang.canBeIn('שלום', 'de'), false);
  assert.equal(m.lang.canBeIn('guten Tag', 'de'), true);
  assert.equal(m.lang.canBeIn('日本語です', 'ja'), true);
});

test('own-words-code-and-languages-one-reads-are-left-alone', () => {
  const is = (text, more) => m.lang.isForeign(msg('1', text, more), ['es', 'fr']);
  assert.equal(is('Guten Tag zusammen'), true);
  for (const more of [{ mine: true }, { lang: 'fr-CA' }, { withdrawn: 1 }, { scrubbed: 1 }, { kind: 'system' }]) assert.equal(is('Guten Tag zusammen', more), false, JSON.stringify(more));
  for (const text of ['`make check`', '```\nint main;\n```', 'https://example.org/langer-pfad', '👍👍', '12:30', 'x@example.org']) assert.equal(is(text), false, text);
  assert.equal(is('kurz', { lang: undefined }), false, 'under 12 letters nobody can tell');
  assert.equal(is('kurz'), true, 'but its sender can');
  assert.equal(is('ein ganzer Satz davon', { lang: undefined }), true);
  assert.equal(m.lang.isForeign(msg('1', 'שלום לכולם, מה שלומכם', { lang: undefined }), ['he']), false);
});

test('of-rows-those-in-view-the-newest-first', () => {
  const rows = Array.from({ length: 10 }, (_, i) => ({ key: i, top: i * 100, bottom: i * 100 + 90 }));
  assert.deepEqual(m.lang.inView(rows, 250, 600).map((r) => r.key), [5, 4, 3, 2]);
  assert.deepEqual(m.lang.inView(rows, 2000, 3000), []);
});

test('a-chat-has-its-language-or-none', () => {
  const of = (receive, account) => m.rules.targetOf({ key: 'pchat:ben', receive }, account, 'en');
  assert.equal(of('es', {}), null, 'nobody has chosen who translates');
  assert.equal(of('es', { translateBy: 'off' }), null);
  assert.equal(of('es', { translateBy: 'relay' }), 'es');
  assert.equal(of(undefined, { translateBy: 'relay' }), null);
  assert.equal(of(undefined, { translateBy: 'relay', translateAll: true }), 'en');
  assert.equal(of('off', { translateBy: 'relay', translateAll: true, receive: 'es' }), null);
});

// -- whom one asks -----------------------------------------------------------------------------------

const pair = (state) => ({ Translator: { availability: async () => state, create: async () => ({ translate: async (t) => `device:${t}` }) } });

test('the-browser-first-then-the-engine-then-none', async () => {
  const e = fakeEngine();
  const of = async (choice, browser, source, target = 'es') => (await m.translator.firstOf(m.translator.translatorsOf(choice, e.config, e.api, new m.device.DeviceTranslator(browser)), source, target));
  const relay = { translateBy: 'relay', translateFor: 'local Test' };
  const device = { translateBy: 'device' };
  assert.equal((await of(relay, pair('available'), 'de')).by, 'device');
  for (const state of ['downloadable', 'downloading', 'unavailable']) assert.equal((await of(relay, pair(state), 'de')).by, 'relay', state);
  assert.equal((await of(relay, {}, 'de')).by, 'relay');
  assert.equal((await of(relay, pair('available'), undefined)).by, 'relay', 'a browser has to know the language');
  assert.equal((await of(device, pair('available'), 'de')).by, 'device');
  for (const [choice, browser, source, code] of [[device, pair('unavailable'), 'de', 'not_on_device'], [device, pair('downloadable'), 'de', 'needs_pack'], [device, pair('available'), undefined, 'unknown_language'],
    [{}, pair('available'), 'de', 'no_translator'], [{ translateBy: 'off' }, pair('available'), 'de', 'no_translator'], [{ ...relay, translateFor: 'remote Other' }, {}, 'de', 'other_engine'], [relay, {}, 'ja', 'unsupported_language']]) {
    const none = await of(choice, browser, source);
    assert.deepEqual([none.by, none.code], ['none', code]);
  }
  e.config = { features: { translation: false }, translation: { languages: [] } };
  assert.equal((await of(relay, {}, 'de')).code, 'translation_off');
});

test('pairs-that-an-engine-does-not-offer-are-not-asked-for', async () => {
  const e = fakeEngine();
  e.config.translation.pairs = [['de', 'es']];
  const { t, entries } = await reader({ engine: e });
  t.look([msg('1', 'Bonjour tout le monde', { lang: 'fr' })], 'es');
  await settle();
  assert.equal(e.calls.length, 0);
  assert.equal(entries.get('1').code, 'unsupported_language');
});

test('an-engine-that-nobody-agreed-to-gets-no-word', async () => {
  const { t, engine, entries, seen } = await reader({ choice: { translateBy: 'relay', translateFor: 'remote Somebody' } });
  t.look(list(3), 'es');
  await settle();
  assert.equal(engine.calls.length, 0);
  assert.equal(entries.get('3').t, 'bad');
  assert.equal(seen.failures.at(-1).code, 'other_engine');
});

// -- batches -----------------------------------------------------------------------------------------

test('batches-of-twenty-newest-first-one-at-a-time', async () => {
  const { t, engine, entries, seen, keep } = await reader();
  let now = 0;
  let most = 0;
  const answer = engine.answer;
  engine.answer = async (...a) => {
    most = Math.max(most, ++now);
    await new Promise((d) => setImmediate(d));
    now--;
    return answer(...a);
  };
  const all = await keep(list(45));
  for (let i = 0; i < 4; i++) t.look(all, 'es'); // scrolling
  await settle();
  assert.deepEqual(engine.calls.map((c) => c.texts.length), [20, 20, 5]);
  assert.equal(engine.calls[0].texts[0], 'Nachricht Nummer 45');
  assert.equal(engine.calls[2].texts.at(-1), 'Nachricht Nummer 1');
  assert.equal(most, 1);
  assert.deepEqual([engine.calls[0].target, engine.calls[0].source], ['es', 'de']);
  assert.equal(entries.get('7').text, 'es:Nachricht Nummer 7');
  assert.equal(seen.done, 45);
});

test('one-language-a-call-and-no-more-bytes-than-a-call-may-hold', async () => {
  const { t, engine, entries, keep } = await reader();
  t.look(await keep([msg('9', 'eins zwei drei vier'), msg('8', 'un deux trois quatre', { lang: 'fr' }), msg('7', 'fünf sechs sieben')]), 'es');
  await settle();
  assert.deepEqual(engine.calls.map((c) => [c.source, c.texts.length]), [['de', 2], ['fr', 1]]);
  t.look(await keep([msg('6', 'ä'.repeat(4000)), msg('5', 'ö'.repeat(4000)), msg('4', 'ü'.repeat(4000)), msg('3', 'x'.repeat(9000))]), 'es');
  await settle();
  assert.deepEqual(engine.calls.slice(2).map((c) => c.texts.length), [2, 1]);
  assert.equal(entries.get('3').code, 'too_large');
});

test('what-has-left-the-view-is-not-asked-for', async () => {
  const { t, engine, keep } = await reader();
  const all = await keep(list(60));
  let go;
  const answer = engine.answer;
  engine.answer = (...a) => (engine.calls.length === 1 ? new Promise((d) => (go = () => d(answer(...a)))) : answer(...a));
  t.look(all.slice(0, 40), 'es');
  await settle();
  t.look(all.slice(50), 'es');
  go();
  await settle();
  assert.deepEqual(engine.calls.map((c) => c.texts.length), [20, 10]);
  assert.equal(engine.calls[1].texts[0], 'Nachricht Nummer 10');
});

test('the-language-is-that-of-the-sender-else-of-the-letters-else-of-the-browser-else-of-the-engine', async () => {
  const { t, engine, entries, keep } = await reader({ detect: async (text) => (text.startsWith('Bonjour') ? 'fr' : undefined), reads: ['en'] });
  t.look(await keep([msg('5', 'Guten Tag euch allen'), msg('4', 'Bonjour à vous tous', { lang: undefined }), msg('3', 'Dobry den vam vsem', { lang: undefined }), msg('2', 'good day to everybody', { lang: undefined })]), 'es');
  engine.answer = (texts, target, source) => texts.map((x) => ({ text: `${target}:${x}`, source: source ?? (x.startsWith('good') ? 'en' : 'cs') }));
  await settle();
  assert.deepEqual(engine.calls.map((c) => c.source), ['de', 'fr', undefined]);
  assert.equal(entries.get('3').from, 'cs');
  assert.equal(entries.get('2').t, 'same', 'the engine found a language that is read');
});

// -- what is kept --------------------------------------------------------------------------------------

test('a-translation-is-kept-with-its-message-and-asked-for-once', async () => {
  const { t, engine, store, entries, keep } = await reader();
  const one = await keep([msg('1', 'Guten Morgen zusammen')]);
  t.look(one, 'es');
  await settle();
  t.leave();
  assert.equal(entries.size, 0);
  t.look(one, 'es');
  await settle();
  assert.equal(engine.calls.length, 1);
  assert.equal(entries.get('1').text, 'es:Guten Morgen zusammen');
  t.look([msg('1', 'Guten Abend zusammen')], 'es');
  await store.message.put(msg('1', 'Guten Abend zusammen'));
  await settle();
  assert.equal(entries.get('1').text, 'es:Guten Abend zusammen', 'other words, another translation');
  t.look([msg('1', 'Guten Abend zusammen')], 'fr');
  await settle();
  assert.equal(engine.calls.length, 3);
});

test('what-is-asked-for-while-others-are-looked-up-is-not-forgotten', async () => {
  const { t, engine, store, entries, keep } = await reader();
  const [a, b] = await keep([msg('2', 'Guten Morgen zusammen'), msg('1', 'Guten Abend zusammen')]);
  t.look([a], 'es');
  await settle();
  t.leave();
  const get = store.translation.get.bind(store.translation);
  store.translation.get = async (key) => {
    if (key === a.key) t.press(b, 'es');
    return get(key);
  };
  t.look([a], 'es');
  await settle();
  assert.equal(entries.get('1').t, 'done');
  assert.equal(engine.calls.length, 2);
});

test('what-was-forgotten-or-changed-while-it-was-away-is-not-kept', async () => {
  const { t, engine, store, entries, keep } = await reader();
  const [a, b] = await keep([msg('2', 'Das bleibt hier nicht'), msg('1', 'Das wird geändert')]);
  engine.answer = async (texts, target) => {
    await store.message.del('2');
    await store.message.put({ ...b, text: 'Das ist anders' });
    return texts.map((x) => ({ text: `${target}:${x}`, source: 'de' }));
  };
  t.look([a, b], 'es');
  await settle();
  assert.deepEqual([await store.translation.get('2'), await store.translation.get('1')], [undefined, undefined]);
  assert.equal(entries.size, 0);
  assert.equal(engine.calls.length, 1);
});

test('edits-withdrawals-and-scrubs-from-the-relay-drop-it', async () => {
  const item = (id, more) => ({ message_id: id, channel: 'pchat', kind: 'text', from: 'ben', to: 'mia', text: 'Guten Tag', created_at: 1, ...more });
  for (const [name, more] of [['edit', { text: 'Gute Nacht', edited_at: 2 }], ['withdrawal', { text: '', deleted_at: 2 }]]) {
    const store = await m.store.Store.open('unit');
    const inbox = new m.inbox.Inbox(store, 'mia');
    await inbox.apply([item('a'), item('b')]);
    for (const key of ['a', 'b']) await store.translation.put({ key, text: 'Buenos días', from: 'de', to: 'es', by: '', of: 'Guten Tag' });
    await inbox.apply([item('a', more), item('b')]);
    assert.equal(await store.translation.get('a'), undefined, name);
    assert.ok(await store.translation.get('b'), `${name}: that of another message stays`);
  }
});

test('what-is-chosen-for-a-chat-while-it-is-read-stays-chosen', async () => {
  const store = await m.store.Store.open('unit');
  const inbox = new m.inbox.Inbox(store, 'mia');
  await store.message.put(msg('5', 'Guten Tag'));
  const read = inbox.readUpTo('pchat:ben', 5);
  await inbox.changeChat('pchat:ben', { receive: 'es', pinned: true });
  await read;
  const { receive, pinned, readTo } = inbox.chat('pchat:ben');
  assert.deepEqual([receive, pinned, readTo], ['es', true, 5]);
});

// -- when it does not work -----------------------------------------------------------------------------

const refuse = (kind, code, waitMs) => () => {
  throw new m.trouble.Trouble(kind, code, '', { waitMs });
};

async function timed(run) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    await run((ms) => (mock.timers.tick(ms), settle()));
  } finally {
    mock.timers.reset();
  }
}

for (const [kind, code, wait] of [['later', 'engine_unavailable', 30_000], ['later', 'engine_busy', 5000], ['later', 'rate_limited', 3_600_000]])
  test(`after-${code}-nobody-is-asked-before-the-time`, () =>
    timed(async (pass) => {
      const { t, engine, entries, seen, keep } = await reader();
      const answer = engine.answer;
      engine.answer = refuse(kind, code, wait);
      const all = await keep(list(30));
      t.look(all, 'es');
      await settle();
      assert.equal(engine.calls.length, 1, 'one batch tells enough');
      assert.deepEqual([seen.failures.at(-1).code, seen.failures.at(-1).waitMs], [code, wait]);
      for (let i = 0; i < 5; i++) {
        t.look(all.slice(i), 'es');
        await settle();
      }
      await pass(wait - 10);
      t.press(all[3], 'es');
      await settle();
      assert.equal(engine.calls.length, 1);
      assert.equal(entries.get(all[3].key).code, code);
      assert.ok(entries.get(all[3].key).waitMs <= 10);
      engine.answer = answer;
      await pass(20);
      assert.equal(engine.calls.length, 3, 'then by itself');
      assert.equal(entries.get(all[3].key).t, 'done');
      assert.equal(entries.get(all[10].key).t, 'done');
      assert.equal(seen.failures.at(-1), null);
    }));

test('an-engine-that-stays-away-is-asked-ever-more-rarely-and-not-for-ever', () =>
  timed(async (pass) => {
    const { t, engine, keep } = await reader();
    engine.answer = refuse('later', 'engine_unavailable', 1000);
    t.look(await keep(list(2)), 'es');
    await settle();
    for (let i = 0; i < 600; i++) await pass(1000);
    assert.ok(engine.calls.length <= 3, `${engine.calls.length} calls in ten minutes`);
  }));

test('nonsense-is-not-asked-for-again-unless-somebody-does', () =>
  timed(async (pass) => {
    const { t, engine, entries, keep } = await reader();
    engine.answer = refuse('broken', 'engine_failed');
    const [one] = await keep(list(1));
    t.look([one], 'es');
    await settle();
    await pass(600_000);
    t.look([one], 'es');
    await settle();
    assert.equal(engine.calls.length, 1);
    assert.equal(entries.get('1').code, 'engine_failed');
    t.press(one, 'es');
    await settle();
    assert.equal(engine.calls.length, 2);
  }));

test('of-a-batch-only-what-failed-has-failed', async () => {
  const { t, engine, entries, keep, seen } = await reader();
  engine.answer = (texts) => texts.map((x, i) => (i === 1 ? { error: 'engine_failed' } : i === 2 ? { text: '  ' } : { text: `es:${x}`, source: 'de' }));
  t.look(await keep(list(4)), 'es');
  await settle();
  assert.deepEqual(['4', '3', '2', '1'].map((k) => entries.get(k).t), ['done', 'bad', 'bad', 'done']);
  assert.equal(engine.calls.length, 1);
  assert.equal(seen.failures.at(-1).code, 'engine_failed');
});

test('a-pair-that-was-refused-is-not-tried-again', async () => {
  const { t, engine, keep } = await reader();
  engine.answer = refuse('refused', 'unsupported_language');
  t.look(await keep(list(40)), 'es');
  await settle();
  assert.equal(engine.calls.length, 1);
});

test('a-relay-that-says-no-is-not-asked-for-every-row', async () => {
  for (const [kind, code, status] of [['refused', 'translation_off', 404], ['signed-out', 'credential_expired', 401], ['refused', 'forbidden', 403]]) {
    const { t, engine, keep, entries } = await reader();
    engine.answer = () => {
      throw new m.trouble.Trouble(kind, code, '', { status });
    };
    const all = await keep([...list(40), ...list(5, { lang: 'fr' }).map((x) => ({ ...x, key: `f${x.key}` }))]);
    t.look(all, 'es');
    await settle();
    t.press(all[0], 'es');
    await settle();
    assert.equal(engine.calls.length, 1, code);
    assert.equal(entries.get(all[0].key).code, code);
    engine.answer = (texts, target) => texts.map((x) => ({ text: `${target}:${x}`, source: 'de' }));
    t.again();
    await settle();
    assert.equal(entries.get(all[1].key).t, 'done', 'until something has changed');
  }
});

// -- the browser's own -----------------------------------------------------------------------------------

test('what-must-not-change-survives-a-browser-that-changes-it', async () => {
  const text = '  Hallo @bob, siehe https://x.example/A?b=c#d und `make check`!\n\n```\nCode bleibt\n```\nmail an a@b.example 😀 Ende\n12:30';
  for (const say of [(s) => s.toUpperCase(), (s) => s.replace(/[@:`/]/g, ' ').toUpperCase(), (s) => s.split(/http|@/)[0].toUpperCase() || 'X', (s) => `${s} ${s}`.toUpperCase()]) {
    const out = await m.keeping.keeping(text, async (s) => say(s));
    for (const part of ['@bob', 'https://x.example/A?b=c#d', '`make check`', '```\nCode bleibt\n```', 'a@b.example', '😀']) assert.equal(out.split(part).length, 2, `${part} in ${out}`);
    assert.equal(out.split('\n').length, text.split('\n').length);
  }
  const asked = [];
  await m.keeping.keeping(text, async (s) => (asked.push(s), s));
  assert.ok(asked.every((s) => !s.includes('\n') && s === s.trim() && s !== '12:30' && s !== 'Code bleibt'));
  assert.equal(await m.keeping.keeping('Guten Tag', async () => ' \u202ea\nb '), 'a b');
  assert.equal(await m.keeping.keeping('Guten Tag', async () => ''), 'Guten Tag', 'nothing is no translation');
});

test('a-language-pack-that-does-not-come-is-given-up-after-30-seconds', () =>
  timed(async (pass) => {
    let progress;
    let signal;
    const device = new m.device.DeviceTranslator({ Translator: { availability: async () => 'downloadable', create: (o) => ((signal = o.signal), o.monitor({ addEventListener: (_, heard) => (progress = heard) }), new Promise(() => undefined)) } });
    const parts = [];
    let failed = null;
    device.fetchPack('de', 'es', (p) => parts.push(p)).catch((e) => (failed = e.code));
    await settle();
    await pass(29_000);
    progress({ loaded: 0.5 });
    await pass(29_000);
    assert.equal(failed, null, 'a sign of life counts');
    await pass(1001);
    assert.equal(failed, 'pack_stuck');
    assert.deepEqual(parts, [0.5]);
    assert.equal(signal.aborted, true);
  }));

test('a-detector-is-believed-when-it-is-sure-and-fetches-nothing', async () => {
  const with_ = (state, found) => m.device.detectorOf({ LanguageDetector: { availability: async () => state, create: async () => ({ detect: async () => found }) } })('ein ganzer Satz davon');
  assert.equal(await with_('available', [{ detectedLanguage: 'de', confidence: 0.9 }]), 'de');
  assert.equal(await with_('available', [{ detectedLanguage: 'nl', confidence: 0.4 }]), undefined);
  assert.equal(await with_('available', [{ detectedLanguage: 'und', confidence: 0.9 }]), undefined);
  for (const state of ['downloadable', 'unavailable']) assert.equal(await with_(state, [{ detectedLanguage: 'de', confidence: 0.9 }]), undefined, state);
  assert.equal(await m.device.detectorOf({})('ein ganzer Satz davon'), undefined);
});

test('a-browser-that-never-says-what-it-can-do-is-one-that-can-nothing', async () => {
  const never = () => new Promise(() => undefined);
  await timed(async (tick) => {
    let asked = 0;
    const device = new m.device.DeviceTranslator({ Translator: { availability: () => (asked++, never()), create: never } });
    const found = [];
    void device.can('de', 'es').then((a) => found.push(a));
    await tick(2999);
    assert.deepEqual(found, []);
    await tick(1);
    assert.deepEqual(found, ['no']);
    assert.equal(await device.can('de', 'fr'), 'no');
    assert.equal(asked, 1, 'nobody waits for it again');
    const said = [];
    for (const [api, ms] of [[{ availability: never, create: never }, 3000], [{ availability: async () => 'available', create: never }, 30_000], [{ availability: async () => 'available', create: async () => ({ detect: never }) }, 30_000]]) {
      const detect = m.device.detectorOf({ LanguageDetector: api });
      void detect('ein ganzer Satz davon').then((lang) => said.push(lang));
      await settle();
      await tick(ms - 1);
      assert.equal(said.length, 0);
      await tick(1);
      assert.deepEqual(said.splice(0), [undefined]);
      assert.equal(await detect('noch ein ganzer Satz'), undefined);
    }
  });
});

// -- on all devices --------------------------------------------------------------------------------------

/** A relay's prefs and a device that keeps settings and chats. */
function synced(prefs = '') {
  const relay = { prefs, version: 1, puts: 0, before: null };
  const chats = new Map();
  const e = {
    settings: {}, inbox: { chats, chat: (key) => chats.get(key) ?? { key } },
    saveSettings: async (c) => void Object.assign(e.settings, c), changeChat: async (key, c) => void chats.set(key, { ...(chats.get(key) ?? { key }), ...c }),
    api: {
      prefs: async () => ({ prefs: relay.prefs, etag: `"${relay.version}"` }),
      putPrefs: async (text, etag) => {
        relay.before?.();
        relay.puts++;
        if (etag && etag !== `"${relay.version}"`) throw new m.trouble.Trouble('refused', 'precondition_failed', '');
        relay.prefs = text;
        relay.version++;
      },
    },
  };
  return { relay, e, chats };
}

test('languages-go-to-other-devices-and-what-others-keep-there-stays', async () => {
  const a = synced('{"pinned":["x"],"reading":{"other":1}}');
  a.e.settings = { receive: 'es', reads: ['fr'], translateAll: true, readingAt: 10 };
  a.chats.set('pchat:ben', { key: 'pchat:ben', receive: 'de', receiveAt: 11 });
  await m.prefs.syncPrefs(a.e);
  assert.deepEqual(JSON.parse(a.relay.prefs).pinned, ['x']);
  const b = synced(a.relay.prefs);
  await m.prefs.syncPrefs(b.e);
  assert.deepEqual([b.e.settings.receive, b.e.settings.reads, b.e.settings.translateAll, b.chats.get('pchat:ben').receive], ['es', ['fr'], true, 'de']);
  assert.equal(b.relay.puts, 0, 'there was nothing new to write');
  await m.prefs.syncPrefs(a.e);
  assert.equal(a.relay.puts, 1);
});

test('who-wrote-meanwhile-is-fetched-merged-and-not-lost', async () => {
  const { relay, e, chats } = synced('{}');
  chats.set('pchat:ben', { key: 'pchat:ben', receive: 'de', receiveAt: 11 });
  chats.set('pchat:eve', { key: 'pchat:eve', receive: 'fr', receiveAt: 5 });
  relay.before = () => {
    relay.before = null;
    relay.prefs = JSON.stringify({ reading: { account: { receive: 'es', at: 7 }, chats: { 'pchat:eve': { to: 'off', at: 9 }, 'pchat:kim': { to: 'ko', at: 3 } } } });
    relay.version++;
  };
  await m.prefs.syncPrefs(e);
  const { reading } = JSON.parse(relay.prefs);
  assert.deepEqual(reading.chats, { 'pchat:ben': { to: 'de', at: 11 }, 'pchat:eve': { to: 'off', at: 9 }, 'pchat:kim': { to: 'ko', at: 3 } });
  assert.equal(reading.account.receive, 'es');
  assert.deepEqual([relay.puts, chats.get('pchat:eve').receive, e.settings.receive], [2, 'off', 'es']);
});

test('of-two-entries-the-newer-one-wins-whoever-has-it', () => {
  const older = { account: { receive: 'es', at: 1 }, chats: { a: { to: 'de', at: 1 }, b: { to: 'fr', at: 1 } } };
  const newer = { account: { receive: 'en', at: 2 }, chats: { a: { at: 2 } } };
  const both = { account: newer.account, chats: { a: { at: 2 }, b: { to: 'fr', at: 1 } } };
  assert.deepEqual(m.prefs.mergeReading(older, newer), both);
  assert.deepEqual(m.prefs.mergeReading(newer, older), both);
});

test('a-text-that-is-not-ours-is-left-alone-and-a-long-one-is-cut', async () => {
  for (const text of ['not json', '[1]', '7']) {
    const { relay, e } = synced(text);
    e.settings = { receive: 'es', readingAt: 1 };
    await m.prefs.syncPrefs(e);
    assert.deepEqual([relay.prefs, relay.puts], [text, 0]);
  }
  const { relay, e, chats } = synced();
  for (let i = 0; i < 3000; i++) chats.set(`pchat:somebody-${i}`, { key: `pchat:somebody-${i}`, receive: 'es', receiveAt: i + 1 });
  await m.prefs.syncPrefs(e);
  assert.ok(relay.prefs.length <= 65_536);
  assert.ok(relay.prefs.includes('somebody-2999') && !relay.prefs.includes('"pchat:somebody-0"'));
  await m.prefs.syncPrefs(e);
  assert.equal(relay.puts, 1, 'and is written once');
});
