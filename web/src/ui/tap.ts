// Touches that last, and presses that have done what they should before they end.

/** Lifting the finger or the button presses nothing: neither what lies under it nor what has come there since. Over with the click, or with
 * whatever is pressed anew; the end of the touch itself does not come by here where what the finger rests on was drawn anew meanwhile. */
export function swallowTap(): void {
  const tap = ['mousedown', 'mouseup', 'click'];
  const anew = ['pointerdown', 'keydown'];
  const drop = (e: Event): void => {
    e.preventDefault();
    e.stopPropagation();
    if (e.type === 'click') end();
  };
  const end = (): void => {
    for (const k of tap) document.removeEventListener(k, drop, true);
    for (const k of anew) document.removeEventListener(k, end, true);
  };
  for (const k of tap) document.addEventListener(k, drop, true);
  for (const k of anew) document.addEventListener(k, end, true);
}

const LONG_MS = 450;
const STILL_PX = 10; // no finger rests quite still
let waits = 0;
let from = { x: 0, y: 0 };

const stop = (): void => clearTimeout(waits);

/** Handlers for what a long touch opens a menu of: not every telephone tells of one by `contextmenu`. */
export const longPress = (open: (at: { x: number; y: number }) => void) => ({
  onPointerDown: (e: PointerEvent): void => {
    // a link has a menu of the browser's own
    if (e.pointerType !== 'touch' || (e.target as Element).closest('a')) return;
    from = { x: e.clientX, y: e.clientY };
    stop();
    waits = setTimeout(() => (swallowTap(), open(from)), LONG_MS) as unknown as number;
  },
  onPointerMove: (e: PointerEvent): void => {
    if (Math.hypot(e.clientX - from.x, e.clientY - from.y) > STILL_PX) stop();
  },
  onPointerUp: stop,
  onPointerCancel: stop,
});
