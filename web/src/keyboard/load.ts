// The keys of a layout: a small file each, fetched when it is first wanted.
import type { Layout } from './board';

/** Names of the files by layout as JSON, filled in by the build. */
declare const KEYBOARDS: string;

const files = JSON.parse(KEYBOARDS) as Record<string, string>;

const known = new Map<string, Layout>();

export async function loadLayout(id: string): Promise<Layout> {
  const have = known.get(id);
  if (have) return have;
  const r = await fetch(files[id]!);
  if (!r.ok) throw new Error(`no keyboard ${id}`);
  const layout = { ...((await r.json()) as Omit<Layout, 'id'>), id };
  known.set(id, layout);
  return layout;
}
