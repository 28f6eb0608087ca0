// A call as a machine, and the line that it leaves in the chat.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { modules } from './modules.mjs';

let m;

before(async () => {
  ({ call: m } = await modules({ call: 'base/call' }));
});

const T = 1_000_000;
const offer = (id = 'theirs', more = {}) => ({ call_id: id, type: 'offer', sdp: 'v=0', media: 'audio', ...more });
const heard = (signal, peer = 'ben', more = {}) => ({ e: 'signal', signal, peer, own: false, age: 0, ...more });

/** Runs what happens one after the other; the last state and all effects, as words. */
function run(start, ...happenings) {
  let c = start;
  const done = [];
  for (const h of happenings) {
    const [next, effects] = m.step(c, h, h.now ?? T);
    c = next;
    for (const x of effects) {
      if (x.do === 'timer') done.push(x.ms > 0 ? `timer ${x.name} ${x.ms}` : '');
      else if (x.do === 'send') done.push(`send ${x.signal.type}${x.signal.by ? ' by ' + x.signal.by : ''}${x.signal.failed ? ' failed' : ''} to ${x.to}`);
      else if (x.do === 'negotiate') done.push(`negotiate ${x.type}`);
      else done.push(x.do);
    }
  }
  return [c, done.filter(Boolean)];
}
const phase = (...hs) => run(m.idle, ...hs)[0].phase;
const CALL = { e: 'call', id: 'mine', peer: 'ben', media: 'audio' };
const OUT = [CALL, { e: 'ready' }];
const ANSWER = heard({ call_id: 'mine', type: 'answer', sdp: 'v=0', by: 'phone' });
const TALK = [...OUT, ANSWER, { e: 'connected' }];
const IN = [heard(offer())];
const TAKEN = [...IN, { e: 'answer', devices: 'audio', by: 'here' }, { e: 'ready' }];

test('signals-are-read-and-nothing-else-is', () => {
  const s = m.parseSignal(JSON.stringify(offer('a1', { media: 'video' })));
  assert.deepEqual([s.call_id, s.type, s.sdp, s.media], ['a1', 'offer', 'v=0', 'video']);
  for (const bad of ['', 'hello', 'null', '[]', '{}', '{"call_id":"a","type":"offer"}', '{"call_id":"a b","type":"hangup"}', '{"call_id":7,"type":"hangup"}', '{"call_id":"a","type":"ring"}', JSON.stringify(offer('a', { sdp: 'x'.repeat(70_000) }))]) assert.equal(m.parseSignal(bad), null, bad.slice(0, 60));
  assert.equal(m.parseSignal('{"call_id":"a","type":"hangup","media":"smell","by":9}').media, 'audio');
});

test('a-call-that-is-answered', () => {
  const [c, done] = run(m.idle, ...TALK);
  assert.deepEqual([c.phase, c.since, c.by], ['open', T, 'phone']);
  assert.deepEqual(done, ['media', 'offer', 'timer ring 45000', 'accept', 'send taken by phone to ben', 'timer connect 30000']);
  const [end, how] = run(c, { e: 'hangup', now: T + 5000 });
  assert.deepEqual([end.phase, end.end, end.ms], ['ended', 'hungup', 5000]);
  assert.deepEqual(how, ['send hangup to ben', 'close', 'timer shown 4000']);
  assert.equal(run(end, { e: 'timeout', name: 'shown' })[0].phase, 'idle');
});

test('an-answer-to-a-call', () => {
  const [c, done] = run(m.idle, ...TAKEN);
  assert.deepEqual([c.phase, c.by], ['connecting', 'here']);
  assert.deepEqual(done, ['timer ring 45000', 'media', 'answer', 'timer connect 30000']);
  assert.deepEqual(run(c, heard({ call_id: 'theirs', type: 'taken', by: 'here' }), { e: 'connected' })[0].phase, 'open');
});

test('whoever-answers-second-has-no-call', () => {
  const [c, done] = run(m.idle, ...TAKEN, heard({ call_id: 'theirs', type: 'taken', by: 'another' }));
  assert.deepEqual([c.phase, done.includes('close')], ['idle', true]);
  // and the caller takes no second answer, nor a hangup of the one who came too late
  const late = { call_id: 'mine', type: 'answer', sdp: 'v=0', by: 'laptop' };
  assert.deepEqual(run(run(m.idle, ...TALK)[0], heard(late), heard({ call_id: 'mine', type: 'hangup', by: 'laptop' })), [run(m.idle, ...TALK)[0], []]);
});

test('ringing-ends-when-another-device-takes-or-declines-or-the-caller-gives-up', () => {
  for (const s of [heard({ call_id: 'theirs', type: 'taken', by: 'x' }), heard({ call_id: 'theirs', type: 'answer', sdp: 'v=0' }, 'ben', { own: true }), heard({ call_id: 'theirs', type: 'hangup' }, 'ben', { own: true }), heard({ call_id: 'theirs', type: 'hangup' })]) assert.equal(phase(...IN, s), 'idle');
  assert.equal(phase(...IN, heard({ call_id: 'another', type: 'hangup' })), 'ringing');
  assert.equal(phase(...IN, heard({ call_id: 'theirs', type: 'hangup' }, 'eve')), 'ringing');
});

test('an-old-offer-never-rings', () => {
  assert.deepEqual(run(m.idle, heard(offer(), 'ben', { age: 45_000 })), [m.idle, []]);
  assert.deepEqual(run(m.idle, heard(offer(), 'ben', { age: 44_000 }))[1], ['timer ring 1000']);
});

test('who-is-in-a-call-is-busy', () => {
  for (const way of [OUT, TALK, [CALL], TAKEN, IN]) {
    const [c] = run(m.idle, ...way);
    assert.deepEqual(run(c, heard(offer('other'), 'eve')), [c, ['send busy to eve']]);
  }
  const [c, done] = run(m.idle, ...OUT, heard({ call_id: 'mine', type: 'busy' }));
  assert.deepEqual([c.end, done.slice(-2)], ['busy', ['send hangup to ben', 'close']]);
});

test('nobody-answers', () => {
  const [c, done] = run(m.idle, ...OUT, { e: 'reached' }, { e: 'timeout', name: 'ring' });
  assert.deepEqual([c.end, done.slice(-2)], ['unanswered', ['send hangup to ben', 'close']]);
  assert.equal(run(m.idle, ...OUT, { e: 'timeout', name: 'ring' })[0].end, 'unreached');
  assert.equal(phase(...IN, { e: 'timeout', name: 'ring' }), 'idle');
  assert.equal(run(m.idle, ...OUT, heard({ call_id: 'mine', type: 'hangup' }))[0].end, 'declined');
});

test('both-call-at-once-and-one-call-comes-of-it', () => {
  // 'mine' < 'theirs': ours stays
  const [ours, none] = run(run(m.idle, ...OUT)[0], heard(offer('theirs')));
  assert.deepEqual([ours.phase, ours.id, none], ['calling', 'mine', []]);
  // 'a' < 'mine': theirs takes its place, unasked
  const [theirs, done] = run(run(m.idle, ...OUT)[0], heard(offer('a')));
  assert.deepEqual([theirs.phase, theirs.id, theirs.mine], ['connecting', 'a', false]);
  assert.deepEqual(done, ['drop', 'send taken by glare to ben', 'answer', 'timer connect 30000']);
  // while the devices are still being opened
  const [asked] = run(m.idle, CALL, heard(offer('z')));
  assert.deepEqual([asked.phase, asked.id], ['answering', 'z']);
  assert.deepEqual(run(asked, { e: 'ready' })[1], ['answer', 'timer connect 30000']);
  // whoever calls back while it rings answers
  assert.equal(phase(...IN, CALL), 'answering');
});

test('without-devices-there-is-a-way-on', () => {
  const [c] = run(m.idle, CALL, { e: 'stuck', why: 'noMic' });
  assert.deepEqual([c.phase, c.stuck], ['asking', 'noMic']);
  const [next, done] = run(c, { e: 'retry', devices: 'none' }, { e: 'ready' });
  assert.deepEqual([next.phase, next.stuck, done], ['calling', undefined, ['media', 'offer', 'timer ring 45000']]);
  assert.deepEqual(run(c, { e: 'hangup' }), [m.idle, ['close']]);
  const [stuck] = run(m.idle, ...IN, { e: 'answer', devices: 'audio', by: 'h' }, { e: 'stuck', why: 'denied' });
  assert.deepEqual(run(stuck, { e: 'hangup' })[1], ['send hangup by h to ben', 'close']);
  assert.equal(run(stuck, heard({ call_id: 'theirs', type: 'hangup' }))[0].phase, 'idle');
});

test('what-stops-a-call-before-it-left-is-told-to-nobody', () => {
  const [c, done] = run(run(m.idle, ...OUT)[0], { e: 'stuck', why: 'noRelay' });
  assert.deepEqual([c.end, c.stuck, done], ['failed', 'noRelay', ['close']]);
  assert.deepEqual(run(run(m.idle, ...TAKEN)[0], { e: 'stuck', why: 'noRelay' })[1], ['send hangup by here failed to ben', 'close']);
});

test('devices-that-open-too-late-are-let-go', () => {
  assert.deepEqual(run(m.idle, { e: 'ready' }), [m.idle, ['close']]);
});

test('a-lost-connection-is-tried-again-and-then-given-up', () => {
  const [away, done] = run(run(m.idle, ...TALK)[0], { e: 'disconnected' });
  assert.deepEqual([away.link, done], ['away', ['timer lost 30000', 'restart']]);
  assert.equal(run(away, { e: 'connected' })[0].link, 'good');
  const [lost, how] = run(away, { e: 'timeout', name: 'lost', now: T + 40_000 });
  assert.deepEqual([lost.end, lost.ms, how], ['lost', 40_000, ['send hangup to ben', 'close']]);
  assert.deepEqual(run(run(away, { e: 'connected' })[0], { e: 'timeout', name: 'lost' })[1], []);
  // whoever calls again from a page that was loaded anew gets through
  const [again, effects] = run(away, heard(offer('new')));
  assert.deepEqual([again.phase, again.id, effects.slice(0, 2)], ['ringing', 'new', ['send hangup to ben', 'close']]);
});

test('no-connection-comes-about', () => {
  const [c, done] = run(run(m.idle, ...TAKEN)[0], { e: 'timeout', name: 'connect' });
  assert.deepEqual([c.end, done], ['failed', ['send hangup by here failed to ben', 'close']]);
});

test('a-second-offer-inside-a-call-negotiates', () => {
  assert.deepEqual(run(run(m.idle, ...TALK)[0], heard(offer('mine')))[1], ['negotiate offer']);
  assert.deepEqual(run(run(m.idle, ...TALK)[0], heard({ call_id: 'mine', type: 'answer', sdp: 'v=0', by: 'phone' }))[1], ['negotiate answer']);
});

test('every-way-out-closes-the-devices', () => {
  const ways = { asking: [CALL], calling: OUT, answering: [...IN, { e: 'answer', devices: 'audio', by: 'h' }], connecting: TAKEN, open: TALK };
  const ends = [{ e: 'hangup' }, heard({ call_id: 'mine', type: 'hangup' }), heard({ call_id: 'theirs', type: 'hangup' }), { e: 'refused' }, { e: 'timeout', name: 'ring' }, { e: 'timeout', name: 'connect' }];
  for (const [name, way] of Object.entries(ways)) {
    const [c] = run(m.idle, ...way);
    assert.equal(c.phase, name);
    for (const end of ends) {
      const [next, done] = run(c, end);
      if (next.phase === 'idle' || next.phase === 'ended') assert.ok(done.includes('close'), `${name}: ${JSON.stringify(end)}`);
    }
    assert.match(run(c, { e: 'hangup' })[0].phase, /idle|ended/);
  }
});

// -- lines -------------------------------------------------------------------------------------------

const line = (...signals) => signals.reduce((l, [type, own, at = 0, more = {}]) => m.lineAfter(l, { call_id: 'c', type, media: 'video', ...more }, own, at, !more.away), null);

test('a-line-says-what-became-of-a-call', () => {
  const say = (...s) => line(...s)?.outcome;
  assert.deepEqual(line(['offer', false, 7]), { outcome: 'ringing', media: 'video', mine: false, at: 7 });
  assert.equal(say(['offer', false], ['hangup', false, 9000]), 'missed');
  assert.equal(say(['offer', false], ['hangup', true]), 'declined');
  assert.equal(say(['offer', false], ['taken', false]), 'elsewhere');
  assert.equal(say(['offer', false], ['busy', true]), 'missed');
  assert.equal(say(['offer', true], ['hangup', false]), 'refused');
  assert.equal(say(['offer', true], ['hangup', true, 5000]), 'cancelled');
  assert.equal(say(['offer', true], ['hangup', true, 45_000]), 'unanswered');
  assert.equal(say(['offer', true], ['busy', false], ['hangup', true]), 'busy');
  assert.equal(say(['offer', true], ['answer', false], ['hangup', true, 30_000, { failed: true }]), 'failed');
  assert.deepEqual(line(['offer', true], ['answer', false, 1000], ['taken', true], ['offer', true, 5000], ['answer', false, 6000], ['hangup', false, 61_000], ['hangup', true, 61_100]), { outcome: 'out', media: 'video', mine: true, at: 0, answered: 1000, ms: 60_000 });
  assert.deepEqual(line(['offer', false], ['answer', true, 1000], ['taken', false], ['hangup', true, 3000]), { outcome: 'in', media: 'video', mine: false, at: 0, answered: 1000, ms: 2000 });
});

test('what-another-device-answered-is-told-so-with-its-length', () => {
  assert.deepEqual(line(['offer', false], ['answer', true, 1000, { away: true }], ['taken', false], ['hangup', false, 9000]), { outcome: 'elsewhere', media: 'video', mine: false, at: 0, answered: 1000, ms: 8000 });
});

test('glare-leaves-one-line', () => {
  assert.equal(line(['offer', false], ['taken', false, 0, { by: 'glare' }]), null);
  assert.equal(line(['offer', true], ['taken', true, 0, { by: 'glare' }]), null);
});

test('what-nobody-ended-is-ended-by-time', () => {
  assert.equal(m.settled(line(['offer', false]), 44_000).outcome, 'ringing');
  assert.equal(m.settled(line(['offer', false]), 45_000).outcome, 'missed');
  assert.equal(m.settled(line(['offer', true]), 45_000).outcome, 'unanswered');
  // a device that slept through it hears afterwards that another one answered
  assert.equal(m.lineAfter(m.settled(line(['offer', false]), 50_000), { call_id: 'c', type: 'answer' }, true, 3000, false).outcome, 'elsewhere');
});

test('a-poor-connection-is-told-by-what-is-lost-or-late', () => {
  const at = (received, lost, rttMs = 40) => ({ received, lost, rttMs });
  assert.equal(m.isPoor(at(0, 0), at(100, 2)), false);
  assert.equal(m.isPoor(at(0, 0), at(100, 20)), true);
  assert.equal(m.isPoor(at(0, 0), at(100, 0, 900)), true);
  assert.equal(m.isPoor(at(50, 3), at(50, 3)), false);
});
