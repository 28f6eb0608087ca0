// The door to transcripts: their code is fetched with the first voice note that is looked at.
import { signal } from '@preact/signals';

type Parts = typeof import('./transcript');

export const hearing = signal<Parts | null>(null);

export const loadHearing = (): Promise<unknown> => import('./transcript').then((parts) => (hearing.value = parts)).catch(() => undefined);
