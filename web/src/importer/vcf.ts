// Cards of the versions 2.1, 3.0 and 4.0: folded lines, quoted-printable, groups, escapes. Pictures and whatever else is skipped.
import { cleanAddress, cleanName, newOnes, type ContactLike } from '../base/contacts';
import { ImportError, ROWS_MOST } from './limits';

interface Line {
  name: string;
  params: string[];
  value: string;
}

/** Lines put together: a soft break of quoted-printable ends with =, a folded line begins with a blank. */
function linesOf(text: string): string[] {
  const out: string[] = [];
  let isSoft = false;
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const last = out.length - 1;
    if (isSoft) out[last] = out[last]!.slice(0, -1) + raw;
    else if (/^[ \t]/.test(raw) && last >= 0) out[last] += raw.slice(1);
    else out.push(raw);
    // base64 of a picture may end with =, too: only quoted lines go on
    isSoft = out.length > 0 && out[out.length - 1]!.endsWith('=') && /^[^:]*;(?:ENCODING=)?QUOTED-PRINTABLE/i.test(out[out.length - 1]!);
  }
  return out;
}

function quoted(value: string, charset: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < value.length; i++) {
    const hex = value[i] === '=' ? /^[0-9a-f]{2}/i.exec(value.slice(i + 1, i + 3)) : null;
    if (hex) {
      bytes.push(parseInt(hex[0], 16));
      i += 2;
    } else bytes.push(...new TextEncoder().encode(value[i]!));
  }
  const all = Uint8Array.from(bytes);
  try {
    return new TextDecoder(charset || 'utf-8', { fatal: true }).decode(all);
  } catch {
    return new TextDecoder('windows-1252').decode(all);
  }
}

function parse(line: string): Line | null {
  // a colon within quotes belongs to a parameter
  const m = /^((?:[^":]|"[^"]*")*):([\s\S]*)$/.exec(line);
  if (!m) return null;
  const [head = '', ...params] = m[1]!.split(';');
  const name = head.replace(/^[^.]*\./, '').trim().toUpperCase();
  const upper = params.map((p) => p.trim());
  const isQuoted = upper.some((p) => /^(?:ENCODING=)?QUOTED-PRINTABLE$/i.test(p));
  const charset = upper.map((p) => /^CHARSET="?([^"]+)"?$/i.exec(p)?.[1]).find(Boolean) ?? '';
  return { name, params: upper, value: isQuoted ? quoted(m[2]!, charset) : m[2]! };
}

const unescape = (s: string): string => s.replace(/\\([\s\S])/g, (_, c: string) => (c === 'n' || c === 'N' ? ' ' : c));
/** Fields of a structured value; an escaped semicolon parts nothing. */
const fields = (s: string): string[] => Array.from(s.matchAll(/(?:\\[\s\S]|[^;\\])*(?:;|$)/g), (m) => unescape(m[0].replace(/;$/, ''))).slice(0, 8);

function nameOf(card: Line[]): string {
  const text = (n: string): string => card.find((l) => l.name === n && l.value.trim())?.value ?? '';
  const full = cleanName(unescape(text('FN')));
  if (full) return full;
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = fields(text('N'));
  return cleanName([prefix, given, middle, family, suffix].join(' ')) || cleanName(unescape(text('NICKNAME'))) || cleanName(fields(text('ORG')).join(' '));
}

function contactsOf(card: Line[]): ContactLike[] {
  const name = nameOf(card);
  const out: ContactLike[] = [];
  const add = (channel: ContactLike['channel'], text: string): void => {
    const address = cleanAddress(channel, text);
    if (address) out.push({ name: name || address, channel, address });
  };
  for (const l of card) {
    const value = unescape(l.value).trim();
    const is = (kind: RegExp): boolean => l.params.some((p) => kind.test(p));
    if (l.name === 'TEL' && !(is(/\b(FAX|PAGER)\b/i) && !is(/\b(CELL|VOICE)\b/i))) add('sms', value.replace(/;ext=.*$/i, ''));
    else if (l.name === 'EMAIL') add('email', value);
    else if (l.name === 'X-WEBCHAT') add('pchat', value);
    else if (l.name === 'X-WHATSAPP') add('wa', value);
    else if (l.name === 'X-TELEGRAM') add('tg', value);
    else if (l.name === 'IMPP' || l.name === 'X-SOCIALPROFILE') {
      const uri = /^(webchat|whatsapp|tg|telegram):(?:\/\/)?(.+)$/i.exec(value);
      if (uri) add(/^webchat$/i.test(uri[1]!) ? 'pchat' : /^whatsapp$/i.test(uri[1]!) ? 'wa' : 'tg', uri[2]!);
    }
  }
  return newOnes([], out);
}

/** Contacts of the cards, and how many cards had neither number nor address. */
export function readVcf(text: string): { contacts: ContactLike[]; skipped: number } {
  const contacts: ContactLike[] = [];
  let card: Line[] | null = null;
  let cards = 0;
  let skipped = 0;
  const end = (): void => {
    if (!card) return;
    const found = contactsOf(card);
    if (found.length) contacts.push(...found);
    else skipped++;
    card = null;
  };
  for (const raw of linesOf(text)) {
    const line = parse(raw);
    if (!line) continue;
    if (line.name === 'BEGIN' && /^vcard$/i.test(line.value.trim())) {
      end();
      card = [];
      if (++cards > ROWS_MOST) throw new ImportError('too-many-rows');
    } else if (line.name === 'END' && /^vcard$/i.test(line.value.trim())) end();
    else if (card && card.length < 1000) (card as Line[]).push(line);
  }
  end(); // a file that was cut off keeps what is there
  if (!cards) throw new ImportError('broken');
  return { contacts, skipped };
}

const escape = (s: string): string => s.replace(/[\\;,]/g, (c) => `\\${c}`).replace(/\r?\n/g, '\\n');

/** Lines of at most 75 octets, cut between characters. */
function fold(line: string): string {
  const out: string[] = [];
  let part = '';
  let size = 0;
  for (const c of line) {
    const n = new TextEncoder().encode(c).length;
    if (size + n > (out.length ? 74 : 75)) {
      out.push(part);
      part = '';
      size = 0;
    }
    part += c;
    size += n;
  }
  return [...out, part].join('\r\n ');
}

const lineFor: Record<string, (address: string) => string> = {
  sms: (a) => `TEL;VALUE=uri;TYPE=cell:tel:${a}`, email: (a) => `EMAIL:${escape(a)}`, pchat: (a) => `X-WEBCHAT:${escape(a)}`, wa: (a) => `X-WHATSAPP:${escape(a)}`, tg: (a) => `X-TELEGRAM:${escape(a)}`, tg_bot: (a) => `X-TELEGRAM:${escape(a)}`,
};

/** Version 4.0, UTF-8; entries of the same name are one card. */
export function writeVcf(contacts: ContactLike[]): string {
  const people = new Map<string, ContactLike[]>();
  for (const c of contacts) if (lineFor[c.channel]) people.set(c.name, [...(people.get(c.name) ?? []), c]);
  return [...people].map(([name, list]) => ['BEGIN:VCARD', 'VERSION:4.0', `FN:${escape(name)}`, ...list.map((c) => lineFor[c.channel]!(c.address)), 'END:VCARD', ''].map(fold).join('\r\n')).join('');
}
