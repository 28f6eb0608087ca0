// The passphrase lock: WebCrypto only. A random data key encrypts what people say; the passphrase wraps that key.
// It protects a closed browser, not against whoever serves this page.

const ROUNDS = 600_000;

export interface LockRecord {
  salt: Uint8Array;
  rounds: number;
  iv: Uint8Array;
  wrapped: ArrayBuffer;
}

export interface Sealed {
  iv: Uint8Array;
  ct: ArrayBuffer;
}

export const canLock = (): boolean => typeof crypto !== 'undefined' && !!crypto.subtle;

const random = (n: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(n));
type Bytes = Uint8Array<ArrayBuffer>;

async function wrappingKey(passphrase: string, salt: Bytes, rounds: number): Promise<CryptoKey> {
  const raw = await crypto.subtle.importKey('raw', new TextEncoder().encode(passphrase.normalize('NFC')), 'PBKDF2', false, ['deriveKey']);
  return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }, raw, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

/** Encodes what structured cloning knows and JSON does not: blobs and byte arrays stand beside the text. */
async function toBytes(value: unknown): Promise<Bytes> {
  const parts: Bytes[] = [];
  const blobs: { type: string; size: number }[] = [];
  const plain = async (v: unknown): Promise<unknown> => {
    if (v instanceof Blob) {
      parts.push(new Uint8Array(await v.arrayBuffer()));
      return { $blob: blobs.push({ type: v.type, size: v.size }) - 1 };
    }
    if (Array.isArray(v)) return Promise.all(v.map(plain));
    if (v && typeof v === 'object') {
      const out: Record<string, unknown> = {};
      for (const [k, x] of Object.entries(v)) if (x !== undefined) out[k] = await plain(x);
      return out;
    }
    return v;
  };
  const head = new TextEncoder().encode(JSON.stringify({ v: await plain(value), blobs }));
  const out = new Uint8Array(4 + head.length + parts.reduce((n, p) => n + p.length, 0));
  new DataView(out.buffer).setUint32(0, head.length);
  out.set(head, 4);
  let at = 4 + head.length;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

function fromBytes(bytes: Uint8Array<ArrayBuffer>): unknown {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const { v, blobs } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as { v: unknown; blobs: { type: string; size: number }[] };
  if (!blobs.length) return v;
  let at = 4 + length;
  const made = blobs.map((b) => {
    const blob = new Blob([bytes.subarray(at, at + b.size)], { type: b.type });
    at += b.size;
    return blob;
  });
  const revive = (x: unknown): unknown => {
    if (Array.isArray(x)) return x.map(revive);
    if (x && typeof x === 'object') {
      if ('$blob' in x) return made[(x as { $blob: number }).$blob];
      return Object.fromEntries(Object.entries(x).map(([k, y]) => [k, revive(y)]));
    }
    return x;
  };
  return revive(v);
}

export class Cipher {
  private constructor(
    readonly key: CryptoKey,
    readonly mac: CryptoKey,
    readonly raw: Bytes,
  ) {}

  static async of(raw: Bytes): Promise<Cipher> {
    const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
    const macRaw = await crypto.subtle.digest('SHA-256', new Uint8Array([...raw, ...new TextEncoder().encode('names')]));
    return new Cipher(key, await crypto.subtle.importKey('raw', macRaw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']), raw);
  }

  static fresh = (): Promise<Cipher> => Cipher.of(random(32));

  async seal(value: unknown): Promise<Sealed> {
    const iv = random(12);
    return { iv, ct: await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, this.key, await toBytes(value)) };
  }

  async open(s: Sealed): Promise<unknown> {
    return fromBytes(new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: s.iv as Bytes }, this.key, s.ct)));
  }

  #hidden = new Map<string, string>();

  /** The same name always gives the same hidden one. */
  async hide(name: string): Promise<string> {
    const known = this.#hidden.get(name);
    if (known) return known;
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', this.mac, new TextEncoder().encode(name)));
    const hidden = Array.from(mac.subarray(0, 16), (b) => b.toString(16).padStart(2, '0')).join('');
    this.#hidden.set(name, hidden);
    return hidden;
  }

  /** The data key under a passphrase. */
  async wrap(passphrase: string): Promise<LockRecord> {
    const salt = random(16);
    const iv = random(12);
    const key = await wrappingKey(passphrase, salt, ROUNDS);
    return { salt, rounds: ROUNDS, iv, wrapped: await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, this.raw) };
  }

  /** null: another passphrase. */
  static async unwrap(lock: LockRecord, passphrase: string): Promise<Cipher | null> {
    try {
      const key = await wrappingKey(passphrase, lock.salt as Bytes, lock.rounds);
      return await Cipher.of(new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: lock.iv as Bytes }, key, lock.wrapped)));
    } catch {
      return null;
    }
  }
}
