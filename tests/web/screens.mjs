// Pictures of every screen, in several widths, themes and directions: `node screens.mjs DIR [only]`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEngine } from './e2e/engine.mjs';
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

async function main() {
  const lang = process.env.SCREEN_LANG ?? 'en';
  const engine = await startEngine();
  const relay = await startRelay({ RELAY_NAME: 'Harbour relay', RELAY_TRANSCRIBE_URL: `http://127.0.0.1:${engine.port}`, RELAY_STUN_URLS: 'stun:127.0.0.1:9', RELAY_PUSH: 'true', RELAY_PUSH_CONTACT: 'mailto:olga@example.org' });
  const browser = await launch([], { whole: true });
  try {
    if (!only || only.includes('call')) await callScreens(relay, browser, lang, lang === 'en' ? '' : lang + '-');
    if (only?.includes('call')) return;
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
