// Search in what is kept on this device, the newest first.
import type { Message } from '../base/model';
import { folded } from '../base/text';
import type { Engine } from '../core/engine';

export interface Hit {
  key: string;
  chat: string;
  text: string;
  at: number;
}

function excerpt(text: string, at: number): string {
  const start = Math.max(0, at - 30);
  return (start > 0 ? '… ' : '') + text.slice(start, start + 120).replace(/\s+/g, ' ');
}

export function hitOf(m: Message, query: string): Hit | null {
  if (m.kind === 'call') return null;
  const text = [m.text, m.transcript?.text, m.subject, ...(m.files ?? []).map((f) => f.name)].filter(Boolean).join(' ');
  const at = folded(text).indexOf(query);
  return at < 0 ? null : { key: m.key, chat: m.chat, text: excerpt(text, at), at: m.at };
}

export async function searchChat(engine: Engine, chat: string, query: string, most: number): Promise<Hit[]> {
  const q = folded(query.trim());
  const out: Hit[] = [];
  if (!q) return out;
  let from: { t: number; k: string } | null = null;
  for (;;) {
    const page: Message[] = await engine.store.message.page(chat, from, 300);
    for (const m of page.slice().reverse()) {
      const hit = hitOf(m, q);
      if (hit) out.push(hit);
    }
    const first = page[0];
    if (!first || page.length < 300 || out.length >= most) return out.slice(0, most);
    from = { t: first.at, k: first.key };
  }
}

export async function searchAll(engine: Engine, query: string, most: number): Promise<Hit[]> {
  const out: Hit[] = [];
  for (const chat of engine.inbox.chats.keys()) out.push(...(await searchChat(engine, chat, query, most)));
  return out.sort((a, b) => b.at - a.at).slice(0, most);
}
