// HTTP of one relay: a call answers its JSON or throws a Trouble.
import { Trouble } from '../base/trouble';

export interface CallOptions {
  timeoutMs?: number;
  headers?: Record<string, string>;
  keepalive?: boolean;
  signal?: AbortSignal;
}

const RETRY_MS = 5000;

export function requestIdOf(r: Response): string | undefined {
  return r.headers.get('X-Request-Id') ?? undefined;
}

/** What an answer that is no success means. */
export function troubleOf(status: number, body: { error?: string; message?: string; field?: string } | null, retryAfter: string | null, requestId?: string): Trouble {
  const code = body?.error ?? `http_${status}`;
  const message = body?.message ?? '';
  const more = { field: body?.field, requestId, status, waitMs: retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : RETRY_MS };
  if (status === 401 && code !== 'code_invalid') return new Trouble('signed-out', code, message, more);
  if (status === 429 || status === 503) return new Trouble('later', code, message, more);
  if (status >= 500) return new Trouble('broken', code, message, more);
  return new Trouble('refused', code, message, more);
}

export class Relay {
  constructor(
    readonly base: string,
    public token = '',
  ) {}

  url(path: string): string {
    return this.base + path;
  }

  headers(more: Record<string, string> = {}): Record<string, string> {
    return this.token ? { 'X-PChat-Session': this.token, ...more } : more;
  }

  /** A Response whatever its status; a Trouble 'offline' when there is none. */
  async fetch(method: string, path: string, body: string | undefined, o: CallOptions = {}): Promise<Response> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), o.timeoutMs ?? 20_000);
    const onAbort = (): void => stop.abort();
    o.signal?.addEventListener('abort', onAbort);
    try {
      return await fetch(this.url(path), {
        method,
        body,
        headers: this.headers({ ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...o.headers }),
        signal: stop.signal,
        keepalive: o.keepalive,
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
      });
    } catch (e) {
      throw new Trouble('offline', stop.signal.aborted && !o.signal?.aborted ? 'timeout' : 'unreachable', String(e));
    } finally {
      clearTimeout(timer);
      o.signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The JSON of a success. `body`: an object, or the exact bytes to send. */
  async call<T>(method: string, path: string, body?: object | string, o: CallOptions = {}): Promise<T> {
    const sent = body === undefined ? (method === 'POST' ? '{}' : undefined) : typeof body === 'string' ? body : JSON.stringify(body);
    const r = await this.fetch(method, path, sent, o);
    let json: (T & { success?: boolean; error?: string; message?: string; field?: string }) | null = null;
    try {
      json = await r.json();
    } catch {
      if (r.ok) throw new Trouble('broken', 'cut', 'The answer broke off.', { requestId: requestIdOf(r), status: r.status });
    }
    if (!r.ok) throw troubleOf(r.status, json, r.headers.get('Retry-After'), requestIdOf(r));
    if (json === null || typeof json !== 'object' || json.success !== true) throw new Trouble('broken', 'not_a_relay', 'This is no answer of a relay.', { requestId: requestIdOf(r), status: r.status });
    return json;
  }
}
