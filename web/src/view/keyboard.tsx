// The keyboard on the screen, for the one who is signed in.
import { OfferedKeyboards } from '../keyboard/choose';
import { Panel } from '../keyboard/panel';
import { chats } from '../state/app';
import { keyboardOpen } from './composing';

/** The languages that somebody writes and reads, as the account has them. */
function languages(): string[] {
  const s = chats.value!.settings.value as { writes?: string; receive?: string; reads?: string[] };
  return [s.writes, s.receive, ...(s.reads ?? [])].filter((l): l is string => !!l);
}

export function Keyboard() {
  return <Panel reading={languages()} onClose={() => (keyboardOpen.value = false)} />;
}

export const KeyboardPart = () => <OfferedKeyboards reading={languages()} />;
