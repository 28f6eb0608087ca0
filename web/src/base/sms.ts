// How many parts an SMS is sent in: GSM 03.38 with 7 bits a character while every one of them is in that alphabet, else UCS-2.

const BASIC = '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** Two septets each: an escape and a letter. */
const EXTENDED = '\f^{}\\[~]|€';

export interface SmsCount {
  /** Seven bits a character, or sixteen. */
  bits: 7 | 16;
  parts: number;
  /** Characters that still fit the last part. */
  left: number;
}

/** Nothing that belongs together is torn apart between two parts: neither an escape from its letter nor half of a pair. */
export function smsParts(text: string): SmsCount {
  const chars = Array.from(text);
  const is7 = chars.every((c) => BASIC.includes(c) || EXTENDED.includes(c));
  const [one, more] = is7 ? [160, 153] : [70, 67];
  const sizeOf = (c: string): number => (is7 ? (EXTENDED.includes(c) ? 2 : 1) : c.length);
  const total = chars.reduce((n, c) => n + sizeOf(c), 0);
  const bits = is7 ? 7 : 16;
  if (total <= one) return { bits, parts: 1, left: one - total };
  let parts = 1;
  let used = 0;
  for (const c of chars) {
    const n = sizeOf(c);
    if (used + n > more) {
      parts++;
      used = 0;
    }
    used += n;
  }
  return { bits, parts, left: more - used };
}
