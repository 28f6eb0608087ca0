// The page's modules without a page: bundled as they are shipped and run by Node.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const web = resolve(dirname(fileURLToPath(import.meta.url)), '../../../web');
/** A package that the page is built with. */
export const need = createRequire(join(web, 'package.json'));

/** Modules of web/src by their paths there, all in one bundle, so that they share what they import; by the names given. */
export async function modules(paths) {
  const dir = mkdtempSync(join(tmpdir(), 'webchat-unit-'));
  after(() => rmSync(dir, { recursive: true }));
  const contents = Object.entries(paths).map(([name, path]) => `export * as ${name} from './src/${path}';`).join('\n');
  await need('esbuild').build({ stdin: { contents, resolveDir: web, loader: 'ts' }, bundle: true, format: 'esm', platform: 'node', outfile: join(dir, 'unit.mjs') });
  globalThis.crypto ??= (await import('node:crypto')).webcrypto;
  return import(pathToFileURL(join(dir, 'unit.mjs')));
}
