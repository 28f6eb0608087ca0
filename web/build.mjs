// Builds the page into dist/: hashed names, .gz beside each file, licences, a stamp of what it was made from.
// The same sources give the same bytes. `--check`: exit 0 when dist/ is up to date, 1 when it is not. `--watch` is not there: it takes a second.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const top = dirname(fileURLToPath(import.meta.url));
const dist = join(top, 'dist');
const JS_LIMIT = 60 * 1024;
const CSS_LIMIT = 12 * 1024;
const CHUNK_LIMIT = 30 * 1024;
const FILES_LIMIT = 6;
const MAIN = 'src/main.tsx', PANES = 'src/view/panes.tsx';

function filesBelow(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? filesBelow(join(dir, e.name)) : [join(dir, e.name)])).sort();
}

/** The roots and all that is reached from them, each once; `next`: where one leads. */
function reach(roots, next, seen = []) {
  for (const name of roots)
    if (!seen.includes(name)) {
      seen.push(name);
      reach(next(name), next, seen);
    }
  return seen;
}

function stamp() {
  const hash = createHash('sha256');
  const files = ['src', 'css', 'static'].flatMap((d) => filesBelow(join(top, d)));
  for (const f of [...files, join(top, 'build.mjs'), join(top, 'layouts.mjs'), join(top, 'package-lock.json')]) hash.update(relative(top, f)).update('\0').update(readFileSync(f)).update('\0');
  return hash.digest('hex');
}

const wanted = stamp();
const isFresh = existsSync(join(dist, '.stamp')) && readFileSync(join(dist, '.stamp'), 'utf8').trim() === wanted;
if (process.argv.includes('--check')) process.exit(isFresh ? 0 : 1);
if (isFresh && !process.argv.includes('--force')) process.exit(0);

const { build } = await import('esbuild');
const { layouts } = await import('./layouts.mjs');
const work = join(top, `.dist-${process.pid}`);
rmSync(work, { recursive: true, force: true });
mkdirSync(work);

// catalogues of strings
const hashed = (name, bytes) => name.replace('@', createHash('sha256').update(bytes).digest('hex').slice(0, 8).toUpperCase());
const catalogues = {};
for (const f of readdirSync(join(top, 'src/i18n')).filter((n) => n.endsWith('.json')).sort()) {
  const bytes = Buffer.from(JSON.stringify(JSON.parse(readFileSync(join(top, 'src/i18n', f), 'utf8'))));
  const name = hashed(f.replace('.json', '-@.json'), bytes);
  writeFileSync(join(work, name), bytes);
  catalogues[f.replace('.json', '')] = name;
}

// keyboards: the keys of each, fetched when it is first wanted
const keyboards = {};
for (const [layout, keys] of layouts()) {
  const bytes = Buffer.from(JSON.stringify(keys));
  const name = hashed(`keys-${layout}-@.json`, bytes);
  writeFileSync(join(work, name), bytes);
  keyboards[layout] = name;
}

const common = { bundle: true, minify: true, sourcemap: 'linked', target: ['chrome111', 'firefox115', 'safari16.4'], legalComments: 'none', metafile: true, write: true, logLevel: 'warning', charset: 'utf8', absWorkingDir: top };
// the one package that is no ES module: as CommonJS it would put helpers for it into what is loaded first
const asModule = {
  name: 'as-module',
  setup: (b) => b.onLoad({ filter: /papaparse\/papaparse(\.min)?\.js$/ }, ({ path }) => ({ contents: `const module = { exports: {} }, exports = module.exports;\n(function () {\n${readFileSync(path, 'utf8')}\n}).call(globalThis);\nexport default module.exports;\n` })),
};
const css = await build({ ...common, entryPoints: { main: 'css/main.css', call: 'css/call.css' }, outdir: work, entryNames: '[name]-[hash]' });
const sheet = (source) => Object.entries(css.metafile.outputs).find(([, o]) => o.entryPoint === source)[0].split('/').pop();
const page = {
  ...common, entryPoints: { main: MAIN }, outdir: work, format: 'esm', splitting: true, entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', jsx: 'automatic', jsxImportSource: 'preact',
  // names go as one string: an object would be a module of its own, which every chunk imports
  define: { CATALOGUES: JSON.stringify(JSON.stringify(catalogues)), KEYBOARDS: JSON.stringify(JSON.stringify(keyboards)), CALL_CSS: JSON.stringify(sheet('css/call.css')) },
};
// esbuild puts modules into one chunk that the same parts of the page need, so what many parts share would be spread over many. A part
// that comes later says that it needs what is there by then: that is one chunk then, and costs the part nothing.
const { inputs } = (await build({ ...page, plugins: [asModule], write: false, minify: false, sourcemap: false })).metafile;
const importsOf = (name, ...kinds) => inputs[name].imports.filter((i) => kinds.includes(i.kind) && i.path.startsWith('src/')).map((i) => i.path);
const now = (name) => importsOf(name, 'import-statement');
const later = (name) => importsOf(name, 'dynamic-import');
const parts = new Set(Object.keys(inputs).flatMap(later));
// what may come before somebody is signed in
const early = [PANES, ...reach(reach([MAIN], now).flatMap(later).filter((name) => name !== PANES), (name) => [...now(name), ...later(name)])];
const saysWhatIsThere = {
  name: 'says-what-is-there',
  setup: (b) =>
    b.onLoad({ filter: /\/src\/.*\.tsx?$/ }, ({ path }) => {
      const name = relative(top, path);
      if (!parts.has(name)) return undefined;
      // by relative paths: what is built is the same wherever that is
      const there = (early.includes(name) ? [MAIN] : [MAIN, PANES]).map((x) => `\nimport ${JSON.stringify(`./${relative(dirname(name), x)}`)};`);
      return { contents: readFileSync(path, 'utf8') + there.join(''), loader: path.endsWith('x') ? 'tsx' : 'ts' };
    }),
};
const js = await build({ ...page, plugins: [asModule, saysWhatIsThere] });

const nameOf = (path) => relative(work, join(top, path));
const outputs = Object.fromEntries(Object.entries(js.metafile.outputs).map(([p, o]) => [nameOf(p), o]));
const jsEntry = Object.keys(outputs).find((n) => outputs[n].entryPoint === MAIN);
const cssEntry = sheet('css/main.css');
const closure = (roots) => reach(roots, (n) => outputs[n].imports.filter((i) => i.kind === 'import-statement').map((i) => nameOf(i.path)));
const chunkOf = (source) => Object.keys(outputs).find((n) => outputs[n].entryPoint === source);
// what a browser fetches before somebody can sign in, and before a signed-in user can write
const first = closure([jsEntry, chunkOf(PANES)]);
const firstSignIn = closure([jsEntry, chunkOf('src/view/signin.tsx')]);

// the page itself
const preload = closure([jsEntry]).filter((n) => n !== jsEntry).map((n) => `<link rel="modulepreload" href="${n}">`).join('\n');
const html = readFileSync(join(top, 'static/chat.html'), 'utf8').replace('@CSS@', cssEntry).replace('@JS@', jsEntry).replace('@PRELOAD@\n', preload ? preload + '\n' : '');
writeFileSync(join(work, 'chat.html'), html);
for (const f of readdirSync(join(top, 'static'))) if (f !== 'chat.html' && f !== 'licences-icons.txt') writeFileSync(join(work, f), readFileSync(join(top, 'static', f)));

// the worker knows the shell by name
const shell = ['chat.html', cssEntry, sheet('css/call.css'), ...Object.keys(outputs).filter((n) => n.endsWith('.js')), catalogues.en, 'icon.svg', 'icon-192.png', 'chat.webmanifest'];
await build({ ...common, entryPoints: { sw: 'src/sw.ts' }, outdir: work, format: 'iife', define: { SHELL: JSON.stringify(shell), VERSION: JSON.stringify(wanted.slice(0, 12)) } });

// whose work is in it
const packages = [...new Set(Object.keys({ ...js.metafile.inputs }).map((i) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(i)?.[1]).filter(Boolean)), 'simple-keyboard-layouts'].sort();
const licences = packages.map((p) => {
  const dir = join(top, 'node_modules', p);
  const about = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  const file = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f));
  return `${p} ${about.version} (${about.license})\n\n${file ? readFileSync(join(dir, file), 'utf8').trim() : ''}\n`;
});
licences.push(`Lucide icons\n\n${readFileSync(join(top, 'static/licences-icons.txt'), 'utf8').trim()}\n`, 'Names of emoji: emojibase-data 17 (MIT), Miles Johnson\n');
writeFileSync(join(work, 'licences.txt'), licences.join(`\n${'-'.repeat(72)}\n\n`));

const gz = (n) => gzipSync(readFileSync(join(work, n)), { level: 9 }).length;
const total = (list) => list.reduce((n, f) => n + gz(f), 0);
const sizes = { js: Math.max(total(first), total(firstSignIn)), css: gz(cssEntry) };
const fat = Object.keys(outputs).filter((n) => n.endsWith('.js') && !first.includes(n) && gz(n) > CHUNK_LIMIT);
for (const n of readdirSync(work)) {
  if (/\.png$/.test(n)) continue;
  writeFileSync(join(work, `${n}.gz`), gzipSync(readFileSync(join(work, n)), { level: 9 }));
}
writeFileSync(join(work, '.stamp'), wanted + '\n');
writeFileSync(join(work, '.sizes'), JSON.stringify({ ...sizes, first, fat }) + '\n');

// whoever copies the page meanwhile finds the old one or the new one, hardly ever none
const old = join(top, `.old-${process.pid}`);
if (existsSync(dist)) renameSync(dist, old);
renameSync(work, dist);
rmSync(old, { recursive: true, force: true });
console.log(`Built the WebChat page: ${first.length} files at first, JS ${(sizes.js / 1024).toFixed(1)} KB gz, CSS ${(sizes.css / 1024).toFixed(1)} KB gz, ${readdirSync(dist).length} files in all`);
if (sizes.js > JS_LIMIT || sizes.css > CSS_LIMIT || first.length > FILES_LIMIT || fat.length) {
  console.error(`too large: first JS ${sizes.js} of ${JS_LIMIT} in ${first.length} of ${FILES_LIMIT} files, CSS ${sizes.css} of ${CSS_LIMIT}${fat.length ? `, chunks ${fat.join(' ')}` : ''}`);
  process.exit(1);
}
