// The door to calls: their code and their style are fetched where the relay has them.
import { signal } from '@preact/signals';

type Parts = typeof import('./calls');

export const calling = signal<Parts | null>(null);

export const loadCalls = (): Promise<unknown> => import('./calls').then((parts) => parts.styled.then(() => (calling.value = parts)));
