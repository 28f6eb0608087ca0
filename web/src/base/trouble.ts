// Everything that can go wrong with a call, as views and the outbox see it. A view never sees a status number.

export type TroubleKind = 'offline' | 'later' | 'signed-out' | 'refused' | 'broken';

export class Trouble extends Error {
  constructor(
    readonly kind: TroubleKind,
    readonly code: string,
    message: string,
    readonly more: { field?: string; waitMs?: number; requestId?: string; status?: number } = {},
  ) {
    super(message);
    this.name = 'Trouble';
  }
}

export const isTrouble = (e: unknown): e is Trouble => e instanceof Trouble;

/** Any thrown thing as a Trouble. */
export function asTrouble(e: unknown): Trouble {
  if (isTrouble(e)) return e;
  return new Trouble('broken', 'client', e instanceof Error ? e.message : String(e));
}
