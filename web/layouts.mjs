// The keyboard layouts of simple-keyboard-layouts (MIT) as the page takes them: the keys that write, row by row, and nothing else.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** What stands on the keys that only steer, and on those that stay empty. */
const STEERS = /^\{(tab|lock|enter|shift|bksp|space)\}$/;
const NO_KEY = '{//}';
const ROWS = 4; // the fifth is the same in all: ".com", "@", the space bar

/** Rows that are one key short or long in the data, or hold a key twice: level, row, what stands there in truth. '.' is a key without a letter. */
const REPAIRS = {
  assamese: [['shift', 0, '. ! @ . . . . . . ( ) ঃ ঋ'], ['shift', 2, 'ও এ অ ই উ ফ . খ থ ছ ঠ'], ['default', 3, '. ং ম ন ৱ ল স , \\. য়'], ['shift', 3, '. ঁ ণ . . . শ ষ । য']],
  hindi: [['default', 3, '. ं म न व ल स , \\. य'], ['shift', 3, '. ँ ण न व ळ श ष । य़']],
  kannada: [['shift', 0, 'ಒ . . ್ರ ರ್ ಜ್ಞ ತ್ರ ಕ್ಷ ಶ್ರ ( ) ಃ ಋ'], ['shift', 3, 'ಎ . ಣ . . ಳ ಶ ಷ | /']],
  nigerian: [['shift', 0, 'ˆ ! " / _ ₦ % = - ( ) Ɗ Ƙ |'], ['default', 3, 'z x c v b n m , \\. ṣ']],
  odia: [['default', 1, 'ୌ ୈ ା ୀ ୂ ବ ହ ଗ ଦ ଜ ଡ ଼'], ['shift', 1, 'ଔ ଐ ଆ ଈ ଊ ଭ ଙ ଘ ଧ ଝ ଢ ଞ ଡ଼'], ['shift', 2, 'ଓ ଏ ଅ ଇ ଉ ଫ ୢ ଖ ଥ ଛ ଠ']],
};

/** Presentation forms of Arabic stand for the letters: a form that carries a mark alone has a blank before it. */
const plain = (key) => key.replace(/[\uFE70-\uFEFF]/gu, (c) => c.normalize('NFKC').trim()).normalize('NFC');

const repaired = (row) => row.split(' ').map((k) => (k === '.' ? '' : k === '\\.' ? '.' : k));

/** [name, {default, shift}] of every layout by name; a level is four lists of what the keys write, '' where a key writes nothing. */
export function layouts() {
  const folder = new URL('node_modules/simple-keyboard-layouts/build/commonjs/layouts/', import.meta.url).pathname;
  const names = readdirSync(folder).filter((n) => n.endsWith('.js')).map((n) => n.slice(0, -3)).sort();
  return names.map((name) => {
    const data = require(`simple-keyboard-layouts/build/commonjs/layouts/${name}.js`).default.layout;
    const level = (which) => data[which].slice(0, ROWS).map((row) => row.split(' ').filter((k) => !STEERS.test(k)).map((k) => (k === NO_KEY ? '' : plain(k))));
    const keys = { default: level('default'), shift: level('shift') };
    for (const [which, row, text] of REPAIRS[name] ?? []) keys[which][row] = repaired(text).map(plain);
    return [name, keys];
  });
}
