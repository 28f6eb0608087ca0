// What every browser test needs: a real relay in a folder of its own, a browser, people who are signed in.
import { spawn, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { chromium } from 'playwright-core';

export const here = dirname(fileURLToPath(import.meta.url));
export const top = resolve(here, '../../..');
const build = resolve(process.env.RELAY_BUILD ?? join(top, 'build'));
export const axeSource = readFileSync(join(here, '../node_modules/axe-core/axe.min.js'), 'utf8');

const SETTINGS = {
  HOST: '127.0.0.1', RELAY_WORKERS: 2, PCHAT_DEV_EXPOSE_CODES: 'true', RELAY_API_RATE: 0, RELAY_AUTH_RATE: 0, RELAY_MAX_CONNECTIONS: 0, RELAY_CODES_PER_ADDRESS: 0,
  RELAY_CODES_PER_CLIENT: 0, RELAY_POLL_INTERVAL_MS: 200, RELAY_TELEGRAM_API: '', RELAY_DURABILITY: 'normal',
};

export function freePort() {
  return new Promise((done) => {
    const s = createServer();
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

/** Waits for a condition, looking less and less often; its last failure is told. */
export async function until(what, check, ms = 30_000) {
  const end = Date.now() + ms;
  for (let last, pause = 30; ; pause = Math.min(200, pause * 1.5)) {
    try {
      const r = await check();
      if (r) return r;
      last = r;
    } catch (e) {
      last = e;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms (${last instanceof Error ? last.message : JSON.stringify(last)})`);
    await new Promise((d) => setTimeout(d, pause));
  }
}

/** What is done to a page shows a moment later. */
export const holds = (field, text) => until(`the field holds "${text}"`, async () => (await field.inputValue()) === text);

/** A relay; `await relay.stop()` ends it by its handle and removes its folder. */
export async function startRelay(settings = {}, options = {}) {
  const parent = mkdtempSync(join(tmpdir(), 'relay-web-'));
  chmodSync(parent, 0o755);
  const folder = join(parent, 'relay');
  mkdirSync(folder);
  const port = options.port ?? (await freePort());
  writeFileSync(join(folder, '.env.local'), Object.entries({ ...SETTINGS, ...settings }).map(([k, v]) => `${k}=${v}\n`).join(''), { mode: 0o600 });
  const relay = { folder, port, url: `http://${options.name ?? '127.0.0.1'}:${port}`, process: null };
  relay.page = `${relay.url}/app/webchat/chat.html`;
  relay.start = async () => {
    let said = '';
    relay.process = spawn('setpriv', ['--pdeathsig', 'TERM', '--', join(build, 'relayd'), '--dir', folder], { env: { PATH: process.env.PATH, WEBCHAT_RELAY_PORT: String(port), WEBCHAT_STRICT_PORT: '1' }, stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
    relay.process.stdout.on('data', (d) => (said += d));
    relay.process.stderr.on('data', (d) => (said += d));
    await until('relayd is up', () => {
      if (relay.process.exitCode !== null) throw new Error(said.slice(-1500));
      return /^WebChat relay: /m.test(said);
    }, 60_000);
  };
  relay.halt = () =>
    new Promise((done) => {
      if (!relay.process || relay.process.exitCode !== null) return done();
      relay.process.once('exit', done);
      relay.process.kill('SIGTERM');
    });
  relay.stop = async () => {
    await relay.halt();
    rmSync(parent, { recursive: true, force: true });
  };
  relay.ctl = (...words) => execFileSync(join(build, 'relayctl'), ['--dir', folder, ...words], { encoding: 'utf8' });
  /** A housekeeping pass, now. */
  relay.sweep = () => execFileSync(join(build, 'relay-sweep'), ['--dir', folder, '--now'], { encoding: 'utf8' });
  relay.code = (email) => relay.ctl('code', email).match(/\b\d{6}\b/)[0];
  relay.call = async (method, path, body, token) => {
    const r = await fetch(relay.url + path, { method, headers: { 'Content-Type': 'application/json', ...(token ? { 'X-PChat-Session': token } : {}) }, body: body === undefined ? undefined : JSON.stringify(body) });
    return { status: r.status, ...(await r.json().catch(() => ({}))) };
  };
  /** Somebody without a browser: the other end of a talk. */
  relay.user = async (address, name = address, more = {}) => {
    const email = `${address}@example.org`;
    const asked = await relay.call('POST', '/api/v1/pchat/auth/request-code', { email, purpose: 'login' });
    const v = await relay.call('POST', '/api/v1/pchat/auth/verify-code', { email, code: asked.dev_code, chat_address: address, display_name: name, public_visible: true, device_name: 'test', session_name: Math.random().toString(36).slice(2), ...more });
    if (!v.session_token) throw new Error(JSON.stringify(v));
    const token = v.session_token;
    let cursor = '';
    return {
      address, token, email,
      call: (method, path, body) => relay.call(method, path, body, token),
      send: (to, text, more = {}) => relay.call('POST', '/api/v1/messages', { to, text, ...more }, token),
      online: () => relay.call('POST', '/api/v1/webchat/presence', { chat_address: address, visible: true }, token),
      poll: async () => {
        const p = await relay.call('POST', '/api/v1/webchat/poll', { chat_address: address, limit: 100, cursor }, token);
        if (p.status !== 200) throw new Error(`a poll was answered ${JSON.stringify(p)}`);
        cursor = p.cursor;
        return p.messages;
      },
      /** Accepts every invitation. */
      accept: async () => {
        const { invites = [] } = await relay.call('GET', '/api/v1/webchat/invites', undefined, token);
        for (const i of invites) await relay.call('POST', `/api/v1/webchat/invites/${i.invite_id}/accept`, {}, token);
      },
      read: (ids) => relay.call('POST', '/api/v1/webchat/read', { chat_address: address, message_ids: ids }, token),
      upload: async (name_, bytes, mime) => {
        const r = await fetch(`${relay.url}/api/v1/webchat/upload?name=${encodeURIComponent(name_)}`, { method: 'PUT', headers: { 'Content-Type': mime, 'X-PChat-Session': token }, body: bytes });
        return (await r.json()).file_id;
      },
    };
  };
  await relay.start();
  return relay;
}

/** Debian's Chromium, without its own windows where a test does not say `whole`: the same engine for two thirds of the work, but
 * nothing that shows outside of a page. */
export function launch(args = [], { whole = false } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? (whole ? '/usr/bin/chromium' : '/usr/bin/chromium-headless-shell'),
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-fake-device-for-media-stream=fps=5', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', ...args],
  });
}

/** Between browser and relay: `proxy.rule(request)` says what happens to a call. What it may answer, also later: undefined (let it pass),
 * 'drop' (never reaches the relay), 'lose' (reaches it, the answer is lost), 'cut' (half of the answer), 'double' (sent twice),
 * {delay} in ms, {answer: a promise that it waits for}, or {status, body, headers}. */
export async function startProxy(relay) {
  const proxy = { rule: () => undefined, seen: [] };
  const server = createHttp(async (req, res) => {
    const parts = [];
    for await (const p of req) parts.push(p);
    const body = Buffer.concat(parts);
    const call = { method: req.method, path: req.url, body: body.toString(), status: 0 };
    proxy.seen.push(call);
    let what = await proxy.rule(call);
    if (what?.delay) {
      await new Promise((d) => setTimeout(d, what.delay));
      what = what.then;
    }
    if (what === 'drop') return req.socket.destroy();
    if (what?.status) return res.writeHead(what.status, { 'Content-Type': 'application/json', ...what.headers }).end(JSON.stringify(what.body ?? {}));
    const pass = () =>
      new Promise((done, fail) => {
        const out = httpRequest({ port: relay.port, host: '127.0.0.1', method: req.method, path: req.url, headers: { ...req.headers, connection: 'close' } }, (answer) => {
          const got = [];
          answer.on('data', (d) => got.push(d));
          answer.on('end', () => done({ answer, bytes: Buffer.concat(got) }));
        });
        out.on('error', fail);
        out.end(body);
      });
    try {
      if (what === 'double') await pass();
      const { answer, bytes } = await pass();
      call.status = answer.statusCode;
      if (what === 'lose') return req.socket.destroy();
      await what?.answer;
      if (what === 'cut') {
        res.writeHead(answer.statusCode, answer.headers);
        res.write(bytes.subarray(0, bytes.length >> 1));
        return void setTimeout(() => req.socket.destroy(), 20);
      }
      res.writeHead(answer.statusCode, answer.headers).end(bytes);
    } catch {
      req.socket.destroy();
    }
  });
  await new Promise((d) => server.listen(0, '127.0.0.1', d));
  server.unref(); // a test that fails does not hold the file up
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.page = `${proxy.url}/app/webchat/chat.html`;
  proxy.count = (method, part) => proxy.seen.filter((c) => c.method === method && c.path.includes(part)).length;
  proxy.stop = () => new Promise((d) => (server.closeAllConnections?.(), server.close(d)));
  return proxy;
}

/** Puts a session where the page keeps those that it remembers. */
const remember = (page, session) =>
  page.evaluate((v) => new Promise((done, fail) => {
    const asked = indexedDB.open('webchat', 1);
    asked.onupgradeneeded = () => ['session', 'common'].forEach((name) => asked.result.createObjectStore(name, { keyPath: 'k' }));
    asked.onerror = () => fail(asked.error);
    asked.onsuccess = () => {
      const change = asked.result.transaction('session', 'readwrite');
      change.objectStore('session').put({ k: v.sid, v });
      change.oncomplete = () => (asked.result.close(), done());
    };
  }), session);

const plainly = { viewport: { width: 1280, height: 800 }, locale: 'en-US', reducedMotion: 'reduce', acceptDownloads: true };
const free = []; // pages that were left

/** Instead of closing its context: whoever next opens a page of the same kind gets this one with nothing left in it but a service worker,
 * which is less than half of the work. Not for a page that was changed itself beyond its size, routes and permissions. */
export async function leave(...pages) {
  for (const page of pages) {
    const context = page.context();
    if (!page.kind || context.pages().length > 1) {
      await context.close();
      continue;
    }
    const { origin, permissions = [] } = page.kind;
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await context.clearPermissions();
    if (permissions.length) await context.grantPermissions(permissions);
    await page.mouse.move(0, 0);
    await page.goto(`${origin}/health`);
    await page.evaluate(() => sessionStorage.clear());
    const cdp = await context.newCDPSession(page);
    await cdp.send('Storage.clearDataForOrigin', { origin, storageTypes: 'cookies,indexeddb,local_storage' });
    await cdp.detach();
    free.push(page);
  }
}

/** One that was left, of the same kind and as large. */
async function taken(browser, kind) {
  const but = ({ viewport, ...k }) => (k.isMobile ? { viewport, ...k } : k);
  const i = free.findIndex((p) => p.context().browser() === browser && isDeepStrictEqual(but(p.kind), but(kind)));
  if (i < 0) return null;
  const [page] = free.splice(i, 1);
  if (!isDeepStrictEqual(page.viewportSize(), kind.viewport)) await page.setViewportSize(kind.viewport);
  return page;
}

/** A page of a person of their own; what the console complains of is kept in `page.faults`. The service worker, which fetches all of
 * the page for a day without a network, runs where a test asks for it: `worker: true`. `session`: one that it remembers. `calls`: how
 * the address of a call ends whose bodies are kept in `page.calls`. */
export async function open(browser, url, o = {}) {
  const { init, worker, session, calls, ...more } = o;
  const kind = o.context || !url.startsWith('http') ? null : { ...plainly, serviceWorkers: worker ? 'allow' : 'block', ...more, init, origin: new URL(url).origin };
  let page = kind && (await taken(browser, kind));
  if (!page) {
    const context = o.context ?? (await browser.newContext({ ...plainly, serviceWorkers: worker ? 'allow' : 'block', ...more }));
    page = await context.newPage();
    page.kind = kind;
    page.on('request', (r) => page.wanted && r.url().endsWith(page.wanted) && page.calls.push(JSON.parse(r.postData())));
    page.on('console', (m) => {
      if (m.type() === 'error' && !/Failed to load resource|net::ERR|origin was untrustworthy/.test(m.text())) page.faults.push(m.text());
    });
    page.on('pageerror', (e) => page.faults.push(String(e.stack ?? e)));
    page.setDefaultTimeout(30_000);
    if (session) await page.goto(`${session.relay}/health`);
    if (init) await page.addInitScript(init);
  }
  page.wanted = calls;
  page.faults = [];
  page.calls = [];
  if (session) await remember(page, session);
  await page.goto(url);
  return page;
}

/** Through the sign-in screen, as somebody does it for the first time. */
export async function signIn(page, address, name = address) {
  await page.getByLabel('E-mail').fill(`${address}@example.org`);
  await page.getByRole('button', { name: 'Send me a code' }).click();
  await page.getByText('First time here?').click();
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Chat address').fill(address);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Chats' }).waitFor({ state: 'attached' });
}

/** Signed in over the API, for whoever does not look at signing in. `url`: where the page is, if not at the relay itself. `to`: in a chat with
 * somebody, by a link to them. */
export async function signedIn(browser, relay, address, name = address, { url = relay.page, to, ...o } = {}) {
  const { token, email } = await relay.user(address, name, { language: 'en' });
  const { origin } = new URL(url);
  const session = { sid: address, relay: origin, relayName: '', address, name, email, token, lastUsed: Date.now(), language: 'en', signedOut: false };
  const page = await open(browser, to ? linkTo(url, to) : url, { ...o, session });
  await (to ? page.locator('#compose').waitFor() : page.getByRole('heading', { name: 'Chats' }).waitFor({ state: 'attached' }));
  return page;
}

/** The launch link of a page to a chat with somebody. */
export const linkTo = (url, to) => `${url}#relay=${encodeURIComponent(new URL(url).origin)}&mode=private&to=${to}`;

/** Another size of the window. Whether it is a narrow one the page knows with the next frame. */
export async function resize(page, size) {
  await page.setViewportSize(size);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Opens a chat with somebody by the directory. */
export async function talkTo(page, address) {
  await page.getByRole('button', { name: 'New chat', exact: true }).first().click();
  await page.getByPlaceholder('Name or chat address').fill(address);
  await page.locator('.page-body .row-button', { hasText: `@${address}` }).first().click();
  await page.locator('#compose').waitFor();
}

export async function write(page, text) {
  await page.locator('#compose').fill(text);
  await page.locator('#compose').press('Enter');
}

export const bubble = (page, text) => page.locator('.msg', { hasText: text });
export const isSent = (page, text) => until(`"${text}" is sent`, async () => ['sent', 'delivered', 'read'].includes(await bubble(page, text).getAttribute('data-state')));

/** A hand on the keyboard and none on a mouse. */
export function byKeys(page) {
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const has = (what) => what.first().evaluate((el) => el === document.activeElement);
  return {
    press,
    type: (text) => page.keyboard.type(text),
    /** The focus comes there by itself. */
    on: (what) => until(`the focus comes to ${what}`, () => has(what)),
    /** The focus is somewhere, not thrown away with what had it. */
    kept: () => until('something has the focus', () => page.evaluate(() => document.activeElement !== document.body && document.activeElement.checkVisibility())),
    /** Goes there key by key, and sees that it can be seen there. */
    async to(what, key = 'Tab', most = 60) {
      const way = [];
      const on = (el) => el.isConnected && (el === document.activeElement ? 'it' : `${document.activeElement.tagName} ${document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.slice(0, 24)}`);
      let el = await what.first().elementHandle();
      for (let at; (at = await el.evaluate(on)) !== 'it'; ) {
        if (way.length >= most) throw new Error(`${what} is not reached by ${key}: ${way.join(' > ')}`);
        way.push(at);
        if (at) await press(key);
        else el = await what.first().elementHandle(); // it was drawn anew on the way
      }
      const hidden = await what.first().evaluate((el) => {
        const r = el.getBoundingClientRect();
        const top = document.elementFromPoint(r.x + r.width / 2, r.y + Math.min(r.height / 2, 40));
        return top && (el.contains(top) || top.contains(el) || top.closest('label')?.contains(el)) ? '' : `${el.outerHTML.slice(0, 200)} at ${JSON.stringify(r)} lies under ${top?.outerHTML.slice(0, 200)}`;
      });
      if (hidden) throw new Error(`the focus is not to be seen: ${hidden}`);
    },
    async do(what, key = 'Enter', most = 60) {
      await this.to(what, 'Tab', most);
      await press(key);
    },
  };
}

/** A page as a small telephone has it: touch, 320 px. */
export const small = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true };

/** What does not fit the width of the window, once the page has come to rest: it can be scrolled sideways, or a control or a line sticks
 * out or is cut off. */
export async function tooWide(page) {
  for (let tries = 20; ; tries--) {
    const found = await sticksOut(page);
    if (!found.length || !tries) return found;
    await new Promise((d) => setTimeout(d, 100));
  }
}

const sticksOut = (page) =>
  page.evaluate(() => {
    const w = document.documentElement.clientWidth;
    const found = document.documentElement.scrollWidth > w ? [`the page is ${document.documentElement.scrollWidth} wide`] : [];
    for (const e of document.querySelectorAll('button, a, input, select, textarea, summary, h1, h2, h3, p, .title, .one')) {
      if (!e.checkVisibility?.({ opacityProperty: true }) || e.closest('.hidden, .chips, .emoji-tabs') || e.classList.contains('code-field')) continue;
      const r = e.getBoundingClientRect();
      if (r.width && (r.left < -1 || r.right > w + 1)) found.push(`${e.tagName} ${e.className} "${e.textContent.slice(0, 30)}" from ${Math.round(r.left)} to ${Math.round(r.right)}`);
      else if (e.matches('.one') && e.clientWidth < 72 && e.scrollWidth > e.clientWidth) found.push(`"${e.textContent.slice(0, 30)}" has only ${e.clientWidth} px`);
      else if (/^(BUTTON|A)$/.test(e.tagName) && e.scrollWidth > e.clientWidth + 2 && getComputedStyle(e).display !== 'inline') found.push(`${e.tagName} ${e.className} "${e.textContent.slice(0, 30)}" is cut off`);
    }
    return found;
  });

/** Violations of WCAG A and AA and of good practice by axe, as lines; none is []. `only`: these rules alone. */
export async function axe(page, only) {
  if (!(await page.evaluate(() => !!globalThis.axe))) await page.evaluate(axeSource);
  return page.evaluate(async (only) => {
    const all = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    // a menu or a dialog stands beside the landmarks, not in them; no rule of these reads style sheets, one waits for sound and pictures
    const r = await globalThis.axe.run(document, { runOnly: only ?? all, resultTypes: ['violations'], preload: { assets: ['media'] }, rules: only ? undefined : { region: { enabled: false } } });
    return r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.failureSummary?.split('\n')[1] ?? ''}`).join(' | ')}`);
  }, only);
}

const colours = ['color-contrast', 'link-in-text-block', 'target-size']; // high contrast has thicker lines, too
const looks = [['light', 'ltr'], ['dark', 'rtl'], ['contrast-light', 'ltr', colours], ['contrast-dark', 'rtl', colours]];

/** The same of a screen in every theme: the whole set in either direction, and what depends on colours in the themes that differ by
 * nothing else. */
export async function axeInThemes(page, name) {
  const found = [];
  for (const [theme, dir, only] of looks) {
    await page.evaluate(([t, d]) => ((document.documentElement.dataset.theme = t), (document.documentElement.dir = d)), [theme, dir]);
    found.push(...(await axe(page, only)).map((v) => `${name} ${theme} ${dir}: ${v}`));
  }
  await page.evaluate(() => (document.documentElement.dir = 'ltr'));
  return found;
}
