// What a translation must not change, for translators that know nothing of it: the same rules as the relay has for engines.

/** Code spans, links, e-mail addresses, mentions, emoji. */
const kept =
  /`[^`\n]+`|https?:\/\/[^\s<>"]+|www\.[^\s<>"]+|[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>().,;:!?]+|@[\p{L}\p{N}._-]+|\p{Extended_Pictographic}(?:\ufe0f|\u200d\p{Extended_Pictographic}\ufe0f?|\p{Emoji_Modifier})*/gu;
const block = /(```\n?[\s\S]+?\n?```)/;

const count = (text: string, part: string): number => text.split(part).length - 1;
const hasLetters = (text: string): boolean => /\p{L}/u.test(text);
/** An answer is one line of text and nothing else. */
const clean = (answer: string): string => answer.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();

async function piece(text: string, say: (line: string) => Promise<string>): Promise<string> {
  if (!hasLetters(text)) return text;
  const words = text.trim();
  const at = text.indexOf(words);
  const answer = clean(await say(words));
  return answer ? text.slice(0, at) + answer + text.slice(at + words.length) : text;
}

async function line(text: string, say: (line: string) => Promise<string>): Promise<string> {
  const parts = text.match(kept) ?? [];
  if (!hasLetters(text.replace(kept, ' '))) return text;
  const whole = await piece(text, say);
  if (parts.every((p) => count(whole, p) === count(text, p))) return whole;
  const out: string[] = [];
  let from = 0;
  for (const m of text.matchAll(kept)) {
    out.push(await piece(text.slice(from, m.index), say), m[0]);
    from = m.index + m[0].length;
  }
  out.push(await piece(text.slice(from), say));
  return out.join('');
}

/** Translates line by line. Line breaks, code, links, addresses, mentions and emoji come back as they were. */
export async function keeping(text: string, say: (line: string) => Promise<string>): Promise<string> {
  const out: string[] = [];
  for (const part of text.split(block)) {
    if (block.test(part)) {
      out.push(part);
      continue;
    }
    const lines: string[] = [];
    for (const l of part.split('\n')) lines.push(await line(l, say));
    out.push(lines.join('\n'));
  }
  return out.join('');
}
