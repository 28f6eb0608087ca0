// Which column of a table means what, and the contacts that come of it.
import { cleanAddress, cleanName, newOnes, type ContactChannel, type ContactLike } from '../base/contacts';
import type { Table } from './limits';

/** `channel` and `address` are those of our own table; the others are an address of one channel each. */
export type Meaning = '' | 'name' | 'given' | 'family' | 'channel' | 'address' | 'pchat' | 'sms' | 'wa' | 'tg' | 'email';
export const meanings: Meaning[] = ['', 'name', 'given', 'family', 'sms', 'wa', 'tg', 'email', 'pchat', 'channel', 'address'];

// headings of the usual programs in some languages
const heads: [Meaning, RegExp][] = [
  ['given', /^(first|given)[ _-]?name$|^vorname$|^prénom$|^(primer )?nombre$|^nome próprio$|^имя$|^ім'я$|^שם פרטי$|^الاسم الأول$|^名$/i],
  ['family', /^(last|family)[ _-]?name$|^surname$|^nachname$|^nom( de famille)?$|^apellidos?$|^sobrenome$|^фамилия$|^прізвище$|^שם משפחה$|^اسم العائلة$|^姓$/i],
  ['name', /^((display|full|contact)[ _-]?)?name$|^(anzeige)?name$|^nom complet$|^nombre completo$|^nome$|^имя и фамилия$|^שם$|^الاسم$|^नाम$|^姓名$|^氏名$|^名前$/i],
  ['wa', /whats ?app|^wa$/i],
  ['tg', /telegram|^tg$/i],
  ['email', /^e-?mail\b.*(value|address|adresse)?$|^(e-?mail|correo|courriel|почта|эл\. почта|ел\. пошта|דוא"?ל|البريد.*|ईमेल|邮箱|メール.*)/i],
  ['sms', /^(phone|mobile|cell|tel|sms|handy|mobil|telefon|téléphone|portable|móvil|teléfono|celular|телефон|мобильный|мобільний|טלפון|נייד|هاتف|جوال|फ़ोन|मोबाइल|电话|手机|電話|携帯)/i],
  ['pchat', /^(webchat|chat[ _-]?address|pchat)$/i],
  ['channel', /^(channel|kanal|canal|канал|ערוץ|قناة|चैनल|渠道|チャンネル)$/i],
  ['address', /^(address|adresse|dirección|endereço|адрес|адреса|כתובת|عنوان|पता|地址|アドレス)$/i],
];

/** Types and labels beside a value say nothing by themselves. */
const isLabel = (head: string): boolean => /\b(type|label|typ|display name)$/i.test(head) && /^(e-?mail|phone)/i.test(head);

const looksLike = (channel: ContactChannel, cell: string): boolean => {
  const first = cell.split(/ ::: |[;,]/)[0]!.trim();
  return channel === 'email' ? cleanAddress('email', first) !== '' : /^[+(]?[\d\s().\/-]{6,24}$/.test(first) && cleanAddress('sms', first).length >= 6;
};

/** True when the first row names the columns: it has no address itself. */
export const hasHeading = (t: Table): boolean => t.rows.length > 1 && !t.rows[0]!.some((c) => looksLike('email', c) || looksLike('sms', c)) && t.rows[0]!.some((c) => heads.some(([, r]) => r.test(c)));

/** What each column probably is: by its heading, else by what stands in it. */
export function guess(t: Table, heading: boolean): Meaning[] {
  const body = t.rows.slice(heading ? 1 : 0, 51);
  const width = t.rows[0]!.length;
  const out: Meaning[] = Array.from({ length: width }, (_, i): Meaning => {
    const head = heading ? t.rows[0]![i]! : '';
    const by = isLabel(head) ? '' : (heads.find(([, r]) => r.test(head))?.[0] ?? '');
    if (by || heading) return by;
    const cells = body.map((r) => r[i]!).filter(Boolean);
    const most = (channel: ContactChannel): boolean => cells.length > 0 && cells.filter((c) => looksLike(channel, c)).length * 2 > cells.length;
    return most('email') ? 'email' : most('sms') ? 'sms' : '';
  });
  // a full name makes its parts superfluous; ours has an address only beside a channel
  if (out.includes('name')) for (const [i, x] of out.entries()) if (x === 'given' || x === 'family') out[i] = '';
  if (!out.includes('channel')) for (const [i, x] of out.entries()) if (x === 'address') out[i] = '';
  if (!out.some((x) => x === 'name' || x === 'given' || x === 'family')) {
    const at = out.findIndex((x, i) => !x && body.some((r) => /\p{L}{2}/u.test(r[i]!)));
    if (at >= 0) out[at] = 'name';
  }
  return out;
}

const channelWords: Record<string, ContactChannel> = { webchat: 'pchat', pchat: 'pchat', chat: 'pchat', sms: 'sms', phone: 'sms', wa: 'wa', whatsapp: 'wa', tg: 'tg', telegram: 'tg', email: 'email', 'e-mail': 'email', mail: 'email' };

export interface Found {
  contacts: ContactLike[];
  /** Rows that had neither number nor address. */
  skipped: number;
}

function contactsOfRow(row: string[], means: Meaning[]): ContactLike[] {
  const at = (m: Meaning): string[] => row.filter((c, i) => means[i] === m && c);
  const name = cleanName(at('name').join(' ') || [...at('given'), ...at('family')].join(' '));
  const out: ContactLike[] = [];
  const add = (channel: ContactChannel, cell: string): void => {
    // several in one cell, as Google writes them
    for (const part of channel === 'tg' ? [cell] : cell.split(/ ::: |;|,(?=\s)/)) {
      const address = cleanAddress(channel, part);
      if (address) out.push({ name: name || address, channel, address });
    }
  };
  for (const channel of ['pchat', 'sms', 'wa', 'tg', 'email'] as const) for (const cell of at(channel)) add(channel, cell);
  const channel = channelWords[at('channel')[0]?.toLowerCase() ?? ''];
  if (channel) for (const cell of at('address')) add(channel, cell);
  return out;
}

export function contactsIn(t: Table, means: Meaning[], heading: boolean): Found {
  const contacts: ContactLike[] = [];
  let skipped = 0;
  for (const row of t.rows.slice(heading ? 1 : 0)) {
    const found = contactsOfRow(row, means);
    if (!found.length) skipped++;
    contacts.push(...found);
  }
  return { contacts: newOnes([], contacts), skipped };
}

const word: Record<string, string> = { pchat: 'webchat', tg_bot: 'tg' };
export const rowsFor = (contacts: ContactLike[]): string[][] => [['name', 'channel', 'address'], ...contacts.map((c) => [c.name, word[c.channel] ?? c.channel, c.address])];

/** An empty table to be filled in, with examples. */
export const template = (): string[][] => rowsFor([
  { name: 'Anna Keller', channel: 'sms', address: '+4930123456' },
  { name: 'Yosef Levi', channel: 'email', address: 'yosef@example.org' },
  { name: 'Mira Santos', channel: 'pchat', address: 'mira' },
]);
