// Lists that do not move between pressing and letting go.
import { signal } from '@preact/signals';
import { useRef } from 'preact/hooks';

const MOST_MS = 5000; // one who lets go outside of the window is not heard
const CLICK_MS = 300; // the click of a finger comes after it
const pressed = signal(false);
let timer = 0;

const endIn = (ms: number): void => {
  clearTimeout(timer);
  timer = setTimeout(() => (pressed.value = false), ms) as unknown as number;
};

for (const [kind, ms] of [['pointerdown', MOST_MS], ['pointerup', CLICK_MS], ['pointercancel', 0], ['click', 0]] as const)
  window.addEventListener(
    kind,
    () => {
      if (kind === 'pointerdown') pressed.value = true;
      endIn(ms);
    },
    true,
  );

/** What a list shows: `now`, or what it was when a finger or a button went down, until that is over. The press of a row would else end on
 * another one, or on none. */
export function useHeld<T>(now: T): T {
  const shown = useRef(now);
  if (now !== shown.current && !pressed.value) shown.current = now;
  return shown.current;
}
