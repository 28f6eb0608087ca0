// Files before they are sent: photos are drawn anew, so that place and camera do not travel with them.
import type { StagedFile } from '../base/model';

export interface Prepared {
  blob: Blob;
  about: Omit<StagedFile, 'key'>;
}

const MOST_PX = 2048;
const PREVIEW_PX = 24;
const pictures = new Set(['image/jpeg', 'image/png', 'image/webp']);

export const isPicture = (mime: string): boolean => pictures.has(mime) || mime === 'image/gif' || mime === 'image/avif';

function canvasOf(image: CanvasImageSource, w: number, h: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = w;
  canvas.height = h;
  canvas.getContext('2d')!.drawImage(image, 0, 0, w, h);
  return canvas;
}

const blobOf = (c: HTMLCanvasElement, type: string, q: number): Promise<Blob | null> => new Promise((done) => c.toBlob(done, type, q));

/** JPEG segments that tell of place, camera and edits: APP1, APP13 and comments. The picture itself is not touched. */
export function withoutJpegData(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return [bytes];
  parts.push(bytes.subarray(0, 2));
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    if (marker === 0xda || marker === 0xd9) break;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (marker !== 0xe1 && marker !== 0xed && marker !== 0xfe) parts.push(bytes.subarray(at, at + 2 + length));
    at += 2 + length;
  }
  parts.push(bytes.subarray(at));
  return parts;
}

/** Draws a picture anew: turned the right way, without data, at most 2,048 px unless `original`. */
export async function redraw(file: File, original = false): Promise<Prepared | null> {
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    return null;
  }
  const scale = original ? 1 : Math.min(1, MOST_PX / Math.max(image.width, image.height));
  const w = Math.max(1, Math.round(image.width * scale));
  const h = Math.max(1, Math.round(image.height * scale));
  const type = file.type === 'image/png' ? 'image/png' : 'image/jpeg';
  const blob = await blobOf(canvasOf(image, w, h), type, original ? 0.95 : 0.85);
  const small = Math.max(w, h) / PREVIEW_PX;
  const preview = canvasOf(image, Math.max(1, Math.round(w / small)), Math.max(1, Math.round(h / small))).toDataURL('image/jpeg', 0.5);
  image.close();
  if (!blob) return null;
  const name = type === 'image/jpeg' ? file.name.replace(/\.(webp|jpe?g|png)$/i, '') + '.jpg' : file.name;
  return { blob, about: { name: name || 'picture.jpg', mime: type, size: blob.size, width: w, height: h, preview: preview.length < 4096 ? preview.split(',')[1] : undefined } };
}

async function mediaLength(file: File): Promise<number | undefined> {
  const el = document.createElement(file.type.startsWith('video/') ? 'video' : 'audio');
  const url = URL.createObjectURL(file);
  try {
    return await new Promise<number | undefined>((done) => {
      setTimeout(() => done(undefined), 2000);
      el.onloadedmetadata = () => done(Number.isFinite(el.duration) ? Math.round(el.duration * 1000) : undefined);
      el.onerror = () => done(undefined);
      el.preload = 'metadata';
      el.src = url;
    });
  } finally {
    el.removeAttribute('src');
    URL.revokeObjectURL(url);
  }
}

export async function prepare(file: File, o: { keepData: boolean }): Promise<Prepared> {
  if (pictures.has(file.type) && !o.keepData) {
    const drawn = await redraw(file);
    if (drawn) return drawn;
  }
  const about: Omit<StagedFile, 'key'> = { name: file.name || 'file', mime: file.type || 'application/octet-stream', size: file.size };
  if (isPicture(file.type)) {
    const image = await createImageBitmap(file).catch(() => null);
    if (image) Object.assign(about, { width: image.width, height: image.height });
    image?.close();
  } else if (/^(audio|video)\//.test(file.type)) about.duration_ms = await mediaLength(file);
  return { blob: file, about };
}
