// Firefox by its own door for tests (Marionette): JSON over a socket of the loopback, no program between and no package.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './lib.mjs';

export const program = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
export const missing = existsSync(program) ? '' : `${program} is not installed: apt-get install firefox-esr`;

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
export const Enter = '\uE007';

/** One command at a time is on its way; answers come with the number of their command. */
function door(socket) {
  const waiting = new Map();
  let last = 0;
  let got = Buffer.alloc(0);
  const fail = (e) => {
    for (const w of waiting.values()) w.fail(e);
    waiting.clear();
  };
  socket.on('data', (d) => {
    got = Buffer.concat([got, d]);
    for (;;) {
      const colon = got.indexOf(58);
      const size = Number(got.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || got.length < colon + 1 + size) return;
      const told = JSON.parse(got.subarray(colon + 1, colon + 1 + size).toString());
      got = got.subarray(colon + 1 + size);
      // the first thing that is said is a greeting
      if (!Array.isArray(told)) continue;
      const [, id, error, result] = told;
      const w = waiting.get(id);
      waiting.delete(id);
      if (error) w?.fail(new Error(`${w.name}: ${error.error}: ${error.message}`));
      else w?.done(result);
    }
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('Firefox is gone')));
  return (name, params = {}) =>
    new Promise((done, fail) => {
      const id = ++last;
      waiting.set(id, { name, done, fail });
      const text = Buffer.from(JSON.stringify([0, id, name, params]));
      socket.write(Buffer.concat([Buffer.from(`${text.length}:`), text]));
    });
}

/** A Firefox with a profile of its own; `stop` ends it by its handle and removes the profile. */
export async function launchFirefox() {
  const home = mkdtempSync(join(tmpdir(), 'webchat-firefox-'));
  const profile = join(home, 'profile');
  const downloads = join(home, 'downloads');
  for (const d of [profile, downloads]) mkdirSync(d);
  // nothing goes to anybody but the relay: no updates, no telemetry, no list that is fetched
  const prefs = {
    'marionette.port': 0, 'browser.download.folderList': 2, 'browser.download.dir': downloads, 'browser.download.useDownloadDir': true, 'browser.download.always_ask_before_handling_new_types': false,
    'intl.accept_languages': 'en-US', 'intl.locale.requested': 'en-US', 'app.update.auto': false, 'app.update.enabled': false, 'browser.shell.checkDefaultBrowser': false, 'browser.startup.page': 0, 'browser.startup.homepage_override.mstone': 'ignore',
    'datareporting.policy.dataSubmissionEnabled': false, 'toolkit.telemetry.server': '', 'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false,
    'services.settings.server': 'data:,#remote-settings-dummy/v1', 'extensions.update.enabled': false, 'browser.safebrowsing.malware.enabled': false, 'browser.safebrowsing.phishing.enabled': false, 'ui.prefersReducedMotion': 1,
  };
  writeFileSync(join(profile, 'user.js'), Object.entries(prefs).map(([k, v]) => `user_pref(${JSON.stringify(k)}, ${JSON.stringify(v)});\n`).join(''));
  let said = '';
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', program, '--headless', '--no-remote', '--marionette', '--profile', profile, 'about:blank'], {
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: home }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const s of [child.stdout, child.stderr]) s.on('data', (d) => (said = (said + d).slice(-3000)));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) await new Promise((d) => (child.once('exit', d), child.kill('SIGTERM')));
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const port = await until('the door of Firefox', () => {
      if (child.exitCode !== null) throw new Error(said);
      const file = join(profile, 'MarionetteActivePort');
      return existsSync(file) && Number(readFileSync(file, 'utf8'));
    }, 60_000);
    const socket = connect(port, '127.0.0.1');
    const tell = door(socket);
    await tell('WebDriver:NewSession', {});
    await tell('WebDriver:SetTimeouts', { implicit: 0, pageLoad: 30_000, script: 15_000 });
    return { ...page(tell), downloads, stop: () => (socket.destroy(), stop()) };
  } catch (e) {
    await stop();
    throw new Error(`${e.message}\n${said}`);
  }
}

/** What a test does on the page; each waits until it can be done. */
function page(tell) {
  const run = async (script, ...args) => (await tell('WebDriver:ExecuteScript', { script, args })).value;
  // what has a text or a name, among what a selector finds and is shown
  const find = async (selector, text = '') =>
    run('return [...document.querySelectorAll(arguments[0])].find((e) => (e.type === "file" || e.checkVisibility()) && (e.getAttribute("aria-label") ?? e.textContent).includes(arguments[1])) ?? null', selector, text);
  const wait = (selector, text) => until(`${selector} ${text ?? ''}`, () => find(selector, text));
  const on = (what, selector, text) => until(`${what} ${selector} ${text ?? ''}`, async () => {
    const el = await find(selector, text);
    return el && (await what(el[ELEMENT]), true);
  });
  return {
    run, wait,
    open: (url) => tell('WebDriver:Navigate', { url }),
    click: (selector, text) => on((id) => tell('WebDriver:ElementClick', { id }), selector, text),
    type: (selector, words) => on((id) => tell('WebDriver:ElementSendKeys', { id, text: words }), selector),
    fill: (selector, words) => on(async (id) => (await tell('WebDriver:ElementClear', { id }), await tell('WebDriver:ElementSendKeys', { id, text: words })), selector),
  };
}
