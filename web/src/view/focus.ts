// The focus goes along: into a page or panel that opens, and to what is nearest when that which had it goes away.

const focusable = 'a[href], button, input, select, textarea, summary, [tabindex]';
/** What is larger than this is another place: from there it goes back to where the focus was before. */
const places = 'main, .list, .info, .toasts, .menu, .app, #app, body';
const MOST = 12;
/** What takes the focus by itself does so within this time. */
const WAIT_MS = 50;

let had: HTMLElement | null = null;
/** The parents of what had the focus, and where in each of them it was. */
let way: [Element, number][] = [];
/** What had the focus before, newest first. */
let before: HTMLElement[] = [];
let timer = 0;

const isShown = (el: Element): boolean => el.isConnected && el.checkVisibility() && !(el as HTMLButtonElement).disabled;

/** Whether the focus may be put there unasked: on a telephone a field would open the keyboard. */
const isGood = (el: HTMLElement): boolean => isShown(el) && !(matchMedia('(pointer: coarse)').matches && el.matches('input, textarea'));

const within = (el: Element): HTMLElement[] =>
  [el as HTMLElement, ...el.querySelectorAll<HTMLElement>(focusable)].filter((x) => x.matches(focusable) && x.tabIndex >= 0 && isGood(x));

function note(e: FocusEvent): void {
  const el = e.target as HTMLElement;
  had = el;
  before = [el, ...before.filter((x) => x !== el && x.isConnected)].slice(0, MOST);
  way = [];
  for (let child: Element = el, parent; (parent = child.parentElement) && !child.matches(places); child = parent) {
    way.push([parent, [...parent.children].indexOf(child)]);
  }
}

/** The heading of a pane: whoever hears the page is told where they are. */
function toHead(place: Element): void {
  const head = place.querySelector<HTMLElement>('h1, h2');
  if (!head) return;
  head.tabIndex = -1;
  head.focus();
}

/** What stands where the lost thing stood; else what had the focus before. */
function heir(): HTMLElement | undefined {
  for (const [parent, at] of way) {
    if (parent.matches(places)) break;
    if (!isShown(parent)) continue;
    const kids = [...parent.children];
    const next = kids.slice(at).flatMap(within)[0] ?? (parent.hasAttribute('tabindex') ? (parent as HTMLElement) : kids.slice(0, at).flatMap(within).pop());
    if (next) return next;
  }
  return before.find((el) => el !== had && isGood(el));
}

function check(): void {
  const now = document.activeElement;
  if (!had || isShown(had) || (now && now !== document.body && isShown(now))) return;
  const el = heir();
  const dialog = document.querySelector('dialog[open]');
  if (dialog && !(el && dialog.contains(el))) return;
  // no message jumps into view because another one went
  if (el) el.focus({ preventScroll: !!el.closest('.time') });
  else toHead([...document.querySelectorAll('main, [role="main"], .list')].find((x) => isShown(x) && x.querySelector('h1, h2')) ?? document.body);
}

function changed(list: MutationRecord[]): void {
  for (const m of list)
    for (const n of m.addedNodes)
      if (n instanceof HTMLElement && n.matches('main.page, .info') && n.isConnected && !n.contains(document.activeElement)) toHead(n);
  clearTimeout(timer);
  timer = setTimeout(check, WAIT_MS) as unknown as number;
}

export function followFocus(): void {
  document.addEventListener('focusin', note);
  const attributeFilter = ['data-pane', 'data-panel', 'data-sub', 'disabled'];
  new MutationObserver(changed).observe(document.body, { childList: true, subtree: true, attributeFilter });
}
