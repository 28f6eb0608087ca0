// Pictures of every screen, in several widths, themes and directions: `node screens.mjs DIR [only]`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { relayWith, startEngine } from './e2e/engine.mjs';
import { files, give, phoneOf } from './e2e/outside.mjs';
import { launch, open, signIn, signedIn, startRelay, talkTo, top, until, write, bubble } from './e2e/lib.mjs';

const dir = process.argv[2] ?? 'screens';
const only = process.argv[3];
mkdirSync(dir, { recursive: true });

/** A picture drawn by the browser: something to look at without a file in the repository. */
export async function drawn(page, w, h, hue) {
  const url = await page.evaluate(([w, h, hue]) => {
    const c = document.createElement('canvas');
    c.width = w;
    c.height = h;
    const x = c.getContext('2d');
    const sky = x.createLinearGradient(0, 0, 0, h);
    sky.addColorStop(0, `hsl(${hue} 45% 70%)`);
    sky.addColorStop(0.55, `hsl(${hue + 160} 60% 85%)`);
    sky.addColorStop(0.56, `hsl(${hue} 30% 60%)`);
    sky.addColorStop(1, `hsl(${hue} 35% 40%)`);
    x.fillStyle = sky;
    x.fillRect(0, 0, w, h);
    x.fillStyle = '#fff6d8';
    x.beginPath();
    x.arc(w * 0.72, h * 0.38, h * 0.09, 0, 7);
    x.fill();
    x.fillStyle = `hsl(${hue} 25% 45%)`;
    x.beginPath();
    x.moveTo(0, h * 0.56);
    for (const [px, py] of [[0.12, 0.34], [0.24, 0.5], [0.4, 0.2], [0.55, 0.46], [0.68, 0.36], [0.86, 0.5], [1, 0.4], [1, 0.56]]) x.lineTo(w * px, h * py);
    x.fill();
    return c.toDataURL('image/jpeg', 0.85);
  }, [w, h, hue]);
  return Buffer.from(url.split(',')[1], 'base64');
}

/** A voice note that plays: a few seconds of soft notes as WAV. */
export function tune(seconds = 4) {
  const rate = 8000;
  const n = rate * seconds;
  const b = Buffer.alloc(44 + n * 2);
  b.write('RIFF', 0);
  b.writeUInt32LE(36 + n * 2, 4);
  b.write('WAVEfmt ', 8);
  b.writeUInt32LE(16, 16);
  b.writeUInt16LE(1, 20);
  b.writeUInt16LE(1, 22);
  b.writeUInt32LE(rate, 24);
  b.writeUInt32LE(rate * 2, 28);
  b.writeUInt16LE(2, 32);
  b.writeUInt16LE(16, 34);
  b.write('data', 36);
  b.writeUInt32LE(n * 2, 40);
  for (let i = 0; i < n; i++) b.writeInt16LE(Math.round(9000 * Math.sin((2 * Math.PI * i * [262, 330, 392, 523][Math.floor(i / rate) % 4]) / rate) * (1 - ((i % rate) / rate))), 44 + i * 2);
  return b;
}

const wave = [20, 40, 60, 85, 45, 70, 95, 60, 80, 100, 70, 50, 65, 40, 30, 55, 75, 90, 60, 45, 30, 60, 80, 70, 50, 40, 65, 50, 35, 25];

/** People, groups and messages as a small team would have them; answers the page of the one who looks. */
export async function populate(relay, browser, o = {}) {
  const anna = await relay.user('anna', 'Anna Keller');
  const yosef = await relay.user('yosef', 'יוסף לוי');
  const mira = await relay.user('mira', 'Mira Santos');
  const niraj = await relay.user('niraj', 'नीरज शर्मा');
  await Promise.all([anna, yosef].map((u) => u.online()));
  const page = await open(browser, relay.page, o);
  await signIn(page, 'you', 'Olga Young');
  const { group } = await anna.call('POST', '/api/v1/webchat/groups', { name: 'Sunday hikers', description: 'We meet on Sundays at nine, at the bridge.', visibility: 'public' });
  const { group: news } = await mira.call('POST', '/api/v1/webchat/groups', { name: 'Harbour news', mode: 'stream', visibility: 'public', join_policy: 'open' });
  for (const who of ['yosef', 'mira', 'you']) await anna.call('POST', `/api/v1/webchat/groups/${group.group_id}/members`, { chat_address: who });
  await mira.call('POST', `/api/v1/webchat/groups/${news.group_id}/members`, { chat_address: 'you' });
  const again = await relay.user('you');
  for (const who of [yosef, mira, again]) await who.accept();
  await again.call('POST', '/api/v1/pchat/auth/logout');
  await niraj.call('POST', `/api/v1/webchat/groups/${group.group_id}/join`);
  const steps = [
    () => niraj.send('you', 'नमस्ते, कल मिलते हैं?'),
    () => mira.send(news.group_id, 'The ferry runs every hour from Monday'),
    () => mira.send('you', 'See you there!'),
    async () => {
      const f = await anna.upload('lake.jpg', await drawn(page, 960, 540, 195), 'image/jpeg');
      return anna.send(group.group_id, 'Good morning! The path along the lake is open again.', { attachments: [f] });
    },
  ];
  const sent = [];
  for (const step of steps) sent.push(await step());
  await page.locator('.row', { hasText: 'Sunday hikers' }).first().click();
  await bubble(page, 'Good morning!').waitFor();
  await write(page, 'Lovely. I can bring coffee for everybody ☕');
  await until('it is sent', async () => (await page.locator('.msg.mine[data-state="sent"], .msg.mine[data-state="delivered"]').count()) > 0);
  await Promise.all([anna.poll(), yosef.poll(), mira.poll()]);
  const mine = (await anna.poll(), await relay.call('GET', '/api/v1/webchat/groups', undefined, anna.token));
  void mine;
  await page.locator('[data-chat="pchat:mira"]').click();
  await write(page, 'Yes, on Saturday. https://ferry.example.org/times has all of them.');
  await page.locator('[data-chat="pchat:niraj"]').click();
  await page.locator('#compose').fill('Shall we take the late bus, or walk home along the lake?');
  await page.waitForTimeout(600);
  await page.getByRole('button', { name: 'New chat', exact: true }).first().click();
  await anna.send(group.group_id, 'The forecast says sun until four, after that it may rain. Please bring a jacket.');
  const v = await anna.upload('voice.wav', tune(), 'audio/wav');
  await anna.send(group.group_id, '', { kind: 'voice', attachments: [v], duration_ms: 4000, waveform: wave });
  await yosef.send(group.group_id, 'אז ניפגש ליד הגשר ב־9:30? הנה המפה: https://maps.example.org/b7', { reply_to: sent[3].message_id });
  const pdf = await anna.upload('Route around the lake.pdf', Buffer.from('%PDF-1.4\n' + 'x'.repeat(1_800_000)), 'application/pdf');
  await anna.send('you', 'Here is the route', { attachments: [pdf] });
  await until('all is here', async () => (await page.locator('[data-chat="pchat:anna"]').count()) > 0 && (await page.locator('.row', { hasText: 'Sunday hikers' }).first().locator('.badge').count()) > 0);
  return { page, anna, yosef, mira, niraj, group, news };
}

async function shots(page, name, sizes, themes, act) {
  if (only && !name.includes(only)) return void (await act?.());
  for (const [w, h] of sizes) {
    await page.setViewportSize({ width: w, height: h });
    for (const theme of themes) {
      await page.evaluate((t) => (document.documentElement.dataset.theme = t), theme);
      await act?.();
      await page.waitForTimeout(350);
      writeFileSync(join(dir, `${name}-${w}-${theme}.png`), await page.screenshot());
    }
  }
}

const ALL = [[1280, 900], [768, 900], [320, 640]];
const LD = ['light', 'dark'];

/** The pictures of docs/: a talk, a telephone, and the same from right to left. */
async function forDocs(relay, browser, page) {
  const out = join(top, 'docs/pictures');
  mkdirSync(out, { recursive: true });
  const save = (name, bytes) => writeFileSync(join(out, name), bytes);
  /** Down to the newest message. */
  const toEnd = async () => {
    await page.waitForTimeout(600);
    const jump = page.locator('.jump button');
    if (await jump.isVisible()) await jump.click();
    await jump.waitFor({ state: 'hidden' });
  };
  const go = async (w, h, theme) => {
    await page.setViewportSize({ width: w, height: h });
    await page.evaluate((t) => (document.documentElement.dataset.theme = t), theme);
    await page.waitForTimeout(400);
    if (await page.locator('.jump-place').count()) await toEnd();
  };
  await page.locator('.row', { hasText: 'Sunday hikers' }).first().click();
  await page.locator('.jump-place').waitFor({ state: 'attached' });
  await go(1180, 760, 'light');
  save('talk.png', await page.screenshot());
  const parts = [];
  await go(320, 640, 'light');
  const talk = await page.screenshot();
  await page.getByRole('button', { name: 'Back' }).click();
  parts.push(await page.screenshot(), talk);
  const fresh = await open(browser, relay.page, { viewport: { width: 320, height: 640 } });
  await fresh.getByLabel('E-mail').waitFor();
  parts.unshift(await fresh.screenshot());
  const plain = await (await browser.newContext({ viewport: { width: 1024, height: 672 } })).newPage();
  await plain.setContent(`<body style="margin:0;background:#d9dcd7;display:flex;gap:16px;padding:16px">${parts.map((p) => `<img style="border-radius:18px" width="320" height="640" src="data:image/png;base64,${p.toString('base64')}">`).join('')}`);
  await plain.waitForTimeout(200);
  save('phone.png', await plain.screenshot());
  await page.evaluate(() => localStorage.setItem('webchat.look', JSON.stringify({ language: 'ar', theme: 'dark' })));
  await page.setViewportSize({ width: 1180, height: 760 });
  await page.reload();
  await page.locator('.list-head').waitFor();
  await go(1180, 760, 'dark');
  await page.locator('.row', { hasText: 'Sunday hikers' }).first().click();
  await page.locator('.jump-place').waitFor({ state: 'attached' });
  await toEnd();
  save('arabic-dark.png', await page.screenshot());
  await page.evaluate(() => localStorage.removeItem('webchat.look'));
}

/** A call from its ring to its end, as both sides see it. */
async function callScreens(relay, browser, lang, prefix) {
  const [page, other] = [await open(browser, relay.page), await open(browser, relay.page)];
  await signIn(page, 'olga', 'Olga Young');
  await signIn(other, 'anna', 'Anna Keller');
  await talkTo(page, 'anna');
  await write(page, 'Have you a minute?');
  if (lang !== 'en') {
    await page.evaluate((l) => localStorage.setItem('webchat.look', JSON.stringify({ language: l })), lang);
    await page.reload();
  }
  const sizes = [[1280, 900], [320, 640]];
  await page.setViewportSize({ width: 1280, height: 900 });
  const start = async (i) => {
    const buttons = page.locator('.talk-head > .round:not(.back)');
    await buttons.nth(3).waitFor(); // a wide head has them all
    await buttons.nth(i).click();
  };
  await talkTo(other, 'olga');
  await other.getByRole('button', { name: 'Video call', exact: true }).click();
  await page.locator('.call-card').waitFor();
  await shots(page, prefix + 'call-ringing', sizes, LD);
  await page.locator('.call-card .yes').click();
  await page.locator('.call-theirs').waitFor();
  await shots(page, prefix + 'call-video', sizes, LD);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.locator('.call-head .round[aria-expanded]').click();
  await shots(page, prefix + 'call-devices', sizes, LD);
  await page.locator('.call-head .round[aria-expanded]').click();
  await page.keyboard.press('Escape');
  await shots(page, prefix + 'call-bar', sizes, LD);
  await page.locator('.call-bar .no').click();
  await page.locator('.call-bar').waitFor({ state: 'detached' });
  await page.setViewportSize({ width: 1280, height: 900 });
  await start(0);
  await other.locator('.call-card').waitFor();
  await page.locator('.call-foot').waitFor();
  await shots(page, prefix + 'call-calling', sizes, LD);
  await other.getByRole('button', { name: 'Answer', exact: true }).click();
  await page.locator('.call [role="timer"]').waitFor();
  await other.getByRole('button', { name: /^Mute/ }).first().click();
  await shots(page, prefix + 'call-audio', sizes, LD);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.locator('.call-foot .no').click();
  await page.locator('.call').waitFor({ state: 'detached' });
  await shots(page, prefix + 'call-lines', sizes, LD);
  await page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))));
  await page.setViewportSize({ width: 1280, height: 900 });
  await start(1);
  await page.locator('.call-ways').waitFor();
  await shots(page, prefix + 'call-stuck', sizes, LD);
  console.log(page.faults, other.faults);
}

const MORE = ['translate', 'bridge', 'outside', 'import', 'invites', 'admin'];
const WIDE_NARROW = [[1280, 900], [320, 640]];

/** Thirty days of a small relay. */
function days() {
  const today = Math.floor(Date.now() / 86_400_000) * 86_400_000;
  return Array.from({ length: 30 }, (_, i) => ({ starts_at: today - (29 - i) * 86_400_000, messages: Math.round(120 + 90 * Math.sin(i / 2.2) + ((i * 37) % 50)), users: 9 + Math.round(5 * Math.abs(Math.sin(i / 3))), accounts: 14 + Math.floor(i / 4) }));
}

/** What an admin sees of a relay that has a history, a request and a trouble. */
async function withHistory(page) {
  const change = (path, with_) => page.route(`**/admin/${path}`, async (route) => {
    if (route.request().method() !== 'GET') return route.continue();
    const r = await route.fetch();
    const json = await r.json();
    with_(json);
    return route.fulfill({ response: r, json });
  });
  await change('stats', (j) => (j.days = days()));
  await change('access-requests', (j) => (j.requests = [['lena.brandt@harbour.example', 'Lena Brandt'], ['a.very.long.name.of.somebody@a-house-far-away.example.org', '']].map(([email, display_name], i) => ({ request_id: `req_${i}0000000`, email, display_name, status: 'pending', created_at: Date.now() - i * 7_200_000 }))));
  await change('health', (j) => {
    const mail = j.checks.find((c) => c.name === 'outbox');
    Object.assign(mail, { ok: false, message: '3 wait, the oldest for 7260 s; 3 were tried in vain, the last: Login denied; the server said: 535 5.7.8 authentication failed' });
    j.ok = false;
  });
}

/** Translation, phones and the outside, the import of contacts, invite links, and all that an admin has. */
async function moreScreens(engine, browser, lang, prefix) {
  const T = JSON.parse(readFileSync(join(top, `web/src/i18n/${lang}.json`), 'utf8'));
  const wants = (name) => !only || only.includes(name);
  const relay = await relayWith(engine, { RELAY_NAME: 'Harbour relay', PCHAT_ADMIN_EMAILS: 'olga@example.org', RELAY_STUN_URLS: 'stun:127.0.0.1:9' });
  try {
    const page = await open(browser, relay.page, { init: () => (delete globalThis.Translator, delete globalThis.LanguageDetector) });
    await signIn(page, 'olga', 'Olga Young');
    const mira = await relay.user('mira', 'Mira Santos', { device_name: 'Firefox on Linux' });
    for (const device_name of ['Chrome on Android', 'Safari on iOS']) await relay.user('mira', 'Mira Santos', { device_name });
    const anna = await relay.user('anna', 'Anna Keller');
    await relay.user('yosef', 'יוסף לוי');
    const { group } = await anna.call('POST', '/api/v1/webchat/groups', { name: 'Sunday hikers', visibility: 'public', join_policy: 'open' });
    await mira.call('POST', '/api/v1/webchat/groups', { name: 'Harbour news, with everything that happens at the quay', mode: 'stream' });
    await mira.call('POST', `/api/v1/webchat/groups/${group.group_id}/join`);
    relay.ctl('user', 'hide', 'anna');
    relay.ctl('user', 'block', 'yosef');
    const home = async () => {
      await page.setViewportSize({ width: 1280, height: 900 });
      for (let i = 0; i < 4; i++) await page.keyboard.press('Escape');
    };
    const click = (key, where = page) => where.getByRole('button', { name: T[key], exact: true }).first().click();
    const section = async (i) => {
      await home();
      await page.keyboard.press('Control+,');
      await page.locator('.settings-nav .row-button').nth(i).click();
    };
    const pixel = await phoneOf(relay, page, 'Pixel 8');
    if (lang !== 'en') {
      await page.evaluate((l) => localStorage.setItem('webchat.look', JSON.stringify({ language: l })), lang);
      await page.reload();
      await page.locator('.list-head').waitFor();
    }

    if (wants('translate')) {
      await engine.tell({ say: { 'es:Guten Morgen zusammen!': '¡Buenos días a todos!', 'es:Der Weg am See ist wieder offen.': 'El camino del lago está abierto de nuevo.' } });
      for (const text of ['Guten Morgen zusammen!', 'Der Weg am See ist wieder offen.']) await mira.send('olga', text, { lang: 'de' });
      await page.locator('[data-chat="pchat:mira"]').click();
      await bubble(page, 'Der Weg').waitFor();
      await click('tr.button');
      await page.locator('.ways').waitFor();
      await shots(page, prefix + 'translate-choice', WIDE_NARROW, LD);
      await page.locator('.way input').nth(1).check();
      await page.locator('#translate-into').selectOption('es');
      await click('save', page.locator('dialog'));
      await bubble(page, '¡Buenos').waitFor();
      await shots(page, prefix + 'translate-talk', WIDE_NARROW, LD);
    }
    if (wants('bridge')) {
      await section(5);
      await page.locator('#phone-name').fill('Nokia in the hall');
      await page.locator('#phone-name').press('Enter');
      await page.locator('.card .archive-key').waitFor();
      await shots(page, prefix + 'bridge-key', WIDE_NARROW, LD, () => page.locator('.card .archive-key').scrollIntoViewIfNeeded());
      await shots(page, prefix + 'bridge-phones', WIDE_NARROW, ['light'], () => page.locator('[data-key-name]').last().scrollIntoViewIfNeeded());
    }
    if (wants('outside')) {
      await home();
      await pixel.claim();
      await pixel.bring('+49 30 123456', 'The ferry is late, I take the next one.');
      await page.locator('.row', { hasText: '123456' }).click();
      await write(page, 'All right, we wait at the quay.');
      await until('it waits', async () => (await page.locator('.msg.mine[data-state="queued"]').count()) > 0);
      await pixel.ack(await pixel.claim(), 'sent');
      await page.locator('.msg.mine[data-state="sent"]').waitFor();
      await write(page, 'Bring a jacket, there is wind.');
      await page.locator('#compose').fill('x'.repeat(170).replace(/x{5}/g, 'wind '));
      await shots(page, prefix + 'outside-talk', WIDE_NARROW, LD);
      await page.locator('#compose').fill('');
      await home();
      await page.keyboard.press('Control+Shift+O');
      await click('outside.new');
      await page.locator('#out-channel').waitFor();
      await shots(page, prefix + 'outside-new', WIDE_NARROW, ['light']);
    }
    if (wants('import')) {
      await section(6);
      await until('it is loaded', async () => !(await page.getByRole('button', { name: T['import.title'], exact: true }).isDisabled()));
      await click('import.title');
      await page.locator('#import-file').waitFor({ state: 'attached' });
      await shots(page, prefix + 'import-choose', WIDE_NARROW, ['light']);
      await give(page, ...files.csv);
      await page.locator('[data-fresh]').waitFor();
      await shots(page, prefix + 'import-preview', WIDE_NARROW, LD);
    }
    if (wants('invites')) {
      await home();
      const mine = await relay.user('olga', 'Olga Young');
      const { group: own } = await mine.call('POST', '/api/v1/webchat/groups', { name: 'Book club' });
      await page.locator('.row', { hasText: 'Book club' }).waitFor({ timeout: 5000 }).catch(() => page.reload());
      void own;
      await page.locator('.row', { hasText: 'Book club' }).click();
      await page.locator('.head-who').click();
      await click('invite.links');
      await click('invite.make', page.locator('dialog'));
      await page.locator('dialog .qr').waitFor();
      await shots(page, prefix + 'invites-group', WIDE_NARROW, LD);
    }
    if (wants('admin')) await adminScreens(page, prefix, T, home);
    console.log(page.faults);
  } finally {
    await relay.stop();
  }
}

async function adminScreens(page, prefix, T, home) {
  await home();
  await withHistory(page);
  await page.locator('.list-head .round').last().click();
  await page.getByRole('menuitem', { name: T['admin.title'], exact: true }).click();
  for (const tab of ['requests', 'people', 'invites', 'groups', 'figures', 'health', 'audit']) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator(`[data-tab="${tab}"]`).click();
    if (tab === 'invites') await page.getByRole('button', { name: T['invite.make'], exact: true }).click();
    await page.waitForTimeout(500);
    await shots(page, `${prefix}admin-${tab}`, [[1280, 900], [768, 900], [320, 640]], tab === 'figures' ? [...LD, 'contrast-light'] : LD);
  }
  await page.locator('[data-tab="figures"]').click();
  await page.locator('summary').click();
  await shots(page, prefix + 'admin-figures-table', [[320, 640]], ['light'], () => page.locator('.numbers').scrollIntoViewIfNeeded());
  await page.locator('[data-tab="health"]').click();
  await shots(page, prefix + 'admin-health-features', WIDE_NARROW, LD, () => page.locator('.small-head').last().evaluate((x) => (x.closest('.page-body').scrollTop += x.getBoundingClientRect().top - 130)));
  await page.locator('[data-tab="people"]').click();
  const menuOf = async (name) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator('#admin-body .row-button', { hasText: '@mira' }).click();
    await page.locator('.menu[data-placed]').waitFor();
    if (name) await page.getByRole('menuitem', { name: T[name], exact: true }).click();
  };
  await menuOf();
  await shots(page, prefix + 'admin-people-menu', [[1280, 900]], LD);
  await page.keyboard.press('Escape');
  await menuOf('admin.sessions');
  await page.locator('dialog li').first().waitFor();
  await shots(page, prefix + 'admin-sessions', WIDE_NARROW, LD);
  await page.keyboard.press('Escape');
  await menuOf('admin.delete');
  await shots(page, prefix + 'admin-delete', WIDE_NARROW, LD);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.locator('dialog').getByRole('button', { name: T['admin.goOn'], exact: true }).click();
  await page.locator('#delete-address').fill('mira');
  await shots(page, prefix + 'admin-delete-type', WIDE_NARROW, LD);
}

async function main() {
  const lang = process.env.SCREEN_LANG ?? 'en';
  const engine = await startEngine();
  const relay = await startRelay({ RELAY_NAME: 'Harbour relay', RELAY_TRANSCRIBE_URL: `http://127.0.0.1:${engine.port}`, RELAY_STUN_URLS: 'stun:127.0.0.1:9', RELAY_PUSH: 'true', RELAY_PUSH_CONTACT: 'mailto:olga@example.org' });
  const browser = await launch([], { whole: true });
  try {
    if (!only || only.includes('call')) await callScreens(relay, browser, lang, lang === 'en' ? '' : lang + '-');
    if (only?.includes('call')) return;
    if (!only || MORE.some((x) => only.includes(x))) {
      await moreScreens(engine, browser, lang, lang === 'en' ? '' : lang + '-');
      if (only) return;
    }
    const first = await open(browser, relay.page);
    await first.getByLabel('E-mail').waitFor();
    await shots(first, 'signin', [[1280, 900], [320, 640]], LD);
    await first.getByLabel('E-mail').fill('visitor@example.org');
    await first.getByRole('button', { name: 'Send me a code' }).click();
    await first.getByText('First time here?').click();
    await shots(first, 'code', [[768, 900], [320, 640]], ['light']);
    await first.context().close();
    const { page } = await populate(relay, browser);
    if (lang === 'en' && (!only || only === 'docs')) {
      await forDocs(relay, browser, page);
      if (only) return;
      await page.reload();
      await page.locator('.list-head').waitFor();
    }
    if (lang !== 'en') {
      await page.evaluate((l) => localStorage.setItem('webchat.look', JSON.stringify({ language: l })), lang);
      await page.reload();
      await page.locator('.list-head').waitFor();
    }
    const p = lang === 'en' ? '' : lang + '-';
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await shots(page, p + 'list', ALL, LD);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator('.row', { hasText: 'Sunday hikers' }).first().click();
    await page.waitForTimeout(800);
    await shots(page, p + 'group', ALL, [...LD, 'contrast-light', 'contrast-dark']);
    await page.setViewportSize({ width: 1280, height: 900 });
    await engine.tell({ transcript: lang === 'ar' ? { text: 'لا تنسوا القهوة، والجسر عند التاسعة والنصف.', language: 'ar' } : { text: 'Do not forget the coffee, and the bridge at half past nine.', language: 'en' } });
    await page.locator('.voice ~ .trans .text-button').first().click();
    await page.locator('.dialog-foot .main, dialog .main').last().click();
    await page.locator('.spoken').scrollIntoViewIfNeeded();
    await shots(page, p + 'transcript', ALL, LD, () => page.locator('.spoken').scrollIntoViewIfNeeded());
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator('.head-who').click();
    await page.waitForTimeout(500);
    await shots(page, p + 'info', ALL, LD);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.keyboard.press('Escape');
    await page.locator('[data-chat="pchat:anna"]').click();
    await page.locator('.bubble').last().click({ button: 'right' });
    await page.waitForTimeout(300);
    await shots(page, p + 'menu', [[1280, 900]], LD);
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 320, height: 640 });
    await page.locator('.bubble').last().click({ button: 'right' });
    await shots(page, p + 'sheet', [[320, 640]], LD);
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator('.row', { hasText: 'Sunday hikers' }).first().click();
    await page.locator('.compose .extra').click();
    await page.locator('.emoji').first().waitFor();
    await shots(page, p + 'emoji', [[1280, 900], [768, 900]], LD);
    await page.locator('.compose .extra').click();
    await page.locator('.compose .round[aria-pressed]').last().click();
    await page.locator('.kb-key').first().waitFor();
    await shots(page, p + 'keyboard', ALL, LD);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.keyboard.press('Escape');
    await page.locator('.photo').first().click();
    await page.locator('.viewer img').waitFor();
    await shots(page, p + 'viewer', [[1280, 900], [320, 640]], LD);
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.locator('.list-head .round').first().click();
    await page.locator('.page-body .row-button').nth(4).waitFor();
    await shots(page, p + 'directory', ALL, LD);
    await page.locator('.page-body .row-button').first().click();
    await shots(page, p + 'newgroup', [[1280, 900], [320, 640]], ['light']);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.keyboard.press('Control+,');
    await page.locator('.settings-nav').waitFor();
    await shots(page, p + 'settings', ALL, LD);
    for (const [i, id] of ['you', 'sessions', 'look', 'notifications', 'privacy', 'advanced', 'contacts', 'help'].entries()) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.locator('.settings-nav .row-button').nth(i).click();
      await page.waitForTimeout(400);
      await shots(page, `${p}settings-${id}`, [[1280, 900], [320, 640]], id === 'look' ? LD : ['light']);
    }
    console.log(page.faults);
  } finally {
    await browser.close();
    await relay.stop();
    await engine.stop();
  }
}

if (process.argv[1]?.endsWith('screens.mjs')) await main();
void signedIn;
