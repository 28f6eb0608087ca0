// The stand-in engine beside a relay, and the browser's own translator as pages of a test have it.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startRelay, until } from './lib.mjs';

const script = join(dirname(fileURLToPath(import.meta.url)), '../engine.py');

/** `tell({misbehave, say, detected})` changes it; `asked()`: the texts of every call so far. */
export async function startEngine() {
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', process.env.PYTHON ?? 'python3', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()(JSON.parse(line)));
  const next = () => new Promise((done) => waiting.push(done));
  const { port } = await next();
  const tell = (what) => {
    const answer = next();
    child.stdin.write(JSON.stringify(what) + '\n');
    return answer;
  };
  return {
    port, tell,
    asked: async () => (await tell({ asked: true })).asked,
    heard: async () => (await tell({})).heard,
    stop: () => new Promise((done) => (child.exitCode !== null || child.signalCode ? done() : (child.once('exit', done), child.kill('SIGTERM')))),
  };
}

/** A relay that has the languages of the engine. */
export async function relayWith(engine, settings = {}) {
  const relay = await startRelay({ RELAY_TRANSLATE_URL: `http://127.0.0.1:${engine.port}`, RELAY_TRANSLATE_TIMEOUT_MS: 1000, ...settings });
  await until('the languages are known', async () => (await relay.call('GET', '/api/v1/webchat/config')).features?.translation);
  return relay;
}

/** For addInitScript: without translator and recognition of the browser's own. */
export const plain = () => {
  for (const name of ['Translator', 'LanguageDetector', 'SpeechRecognition', 'webkitSpeechRecognition']) delete globalThis[name];
};

/** For addInitScript: a Translator and a LanguageDetector. `states`: availability by "de>es"; `lang`: what the detector finds, after `slow` ms; what was
 * asked of them is in `globalThis.device`. */
export function browserTranslator({ states = {}, lang, slow = 0 } = {}) {
  const device = (globalThis.device = { states, texts: [], made: [], lang });
  const of = (o) => device.states[`${o.sourceLanguage}>${o.targetLanguage}`] ?? 'unavailable';
  globalThis.Translator = {
    availability: async (o) => of(o),
    create: async (o) => {
      const pair = `${o.sourceLanguage}>${o.targetLanguage}`;
      device.made.push({ pair, active: navigator.userActivation.isActive });
      if (device.states[pair] === 'downloadable') {
        const monitor = new EventTarget();
        o.monitor?.(monitor);
        monitor.dispatchEvent(Object.assign(new Event('downloadprogress'), { loaded: 1 }));
        device.states[pair] = 'available';
      }
      return { translate: async (text) => (device.texts.push(text), `${o.targetLanguage}:${text}`), destroy() {} };
    },
  };
  if (lang !== undefined)
    globalThis.LanguageDetector = {
      availability: async () => 'available',
      create: async () => ({ detect: () => new Promise((done) => setTimeout(() => done([{ detectedLanguage: device.lang, confidence: 0.9 }]), slow)) }),
    };
}
