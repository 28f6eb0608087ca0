// docs/openapi.yaml as clients in other languages are made from it: a linter that is kept, and types made by a generator.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const top = resolve(here, '../../..');
const page = join(top, 'docs/openapi.yaml');
const { createConfig, lint, lintFromString } = createRequire(join(here, '../package.json'))('@redocly/openapi-core');

// Answers that any path may give are named once and stand nowhere else; an example may leave out what depends on others.
const rules = { 'no-unused-components': 'off', 'no-invalid-media-type-examples': { severity: 'error', allowAdditionalProperties: true } };
const said = (problems) => problems.map((p) => `${p.location[0].pointer}: ${p.message} (${p.ruleId})`);

test('a strict linter has nothing to say of the description', async () => {
  const config = await createConfig({ extends: ['recommended'], rules });
  assert.deepEqual(said(await lint({ ref: page, config })), []);
});

test('the linter sees a comma that ends a description too early', async () => {
  const config = await createConfig({ extends: ['recommended'], rules });
  const source = readFileSync(page, 'utf8').replace("description: 'What went wrong, for programs.'", 'description: What went wrong, for programs.');
  assert.match(said(await lintFromString({ source, absoluteRef: page, config })).join('\n'), /for programs/);
});

test('the types of the page are made from the description', () => {
  const made = execFileSync(join(here, '../node_modules/.bin/openapi-typescript'), [page], { encoding: 'utf8', maxBuffer: 1 << 25, stdio: ['ignore', 'pipe', 'ignore'] });
  assert.equal(readFileSync(join(top, 'web/src/wire/types.gen.ts'), 'utf8'), made);
});
