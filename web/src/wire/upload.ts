// Bytes up, with progress, which fetch does not tell.
import { Trouble } from '../base/trouble';
import { troubleOf, type Relay } from './client';
import { uploadUrl } from './api';

export interface Uploaded {
  file_id: string;
  url: string;
  name: string;
  mime: string;
  size: number;
}

/** `key`: the same on a repeat, so that a lost answer leaves no second file. */
export function upload(relay: Relay, key: string, name: string, blob: Blob, onProgress: (part: number) => void, signal: AbortSignal): Promise<Uploaded> {
  return new Promise((done, fail) => {
    const xhr = new XMLHttpRequest();
    let last = 0;
    xhr.open('PUT', relay.url(uploadUrl(name, key)));
    for (const [k, v] of Object.entries(relay.headers({ 'Content-Type': blob.type || 'application/octet-stream' }))) xhr.setRequestHeader(k, v);
    xhr.responseType = 'json';
    xhr.upload.onprogress = (e) => {
      const now = Date.now();
      if (e.lengthComputable && now - last > 200) {
        last = now;
        onProgress(e.loaded / e.total);
      }
    };
    const offline = (): void => fail(new Trouble('offline', 'unreachable', 'The upload broke off.'));
    xhr.onerror = offline;
    xhr.ontimeout = offline;
    xhr.onabort = () => fail(new Trouble('refused', 'cancelled', 'The upload was cancelled.'));
    xhr.onload = () => {
      const body = xhr.response as (Uploaded & { success?: boolean }) | null;
      if (xhr.status >= 200 && xhr.status < 300 && body?.success) {
        onProgress(1);
        done(body);
      } else fail(troubleOf(xhr.status, body as never, xhr.getResponseHeader('Retry-After'), xhr.getResponseHeader('X-Request-Id') ?? undefined));
    };
    signal.addEventListener('abort', () => xhr.abort());
    xhr.send(blob);
  });
}
