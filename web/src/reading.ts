// Picture files to pixels, by what the browser can decode; upright, in sRGB.

import type { Photo } from "./photo.js";

/** Pixels that a browser has room for. */
export const MAX_PIXELS = 178_956_970;

/** A refusal, in one line for people. */
export class Refused extends Error {
  override name = "Refused";
}

export class Decoded implements Photo {
  readonly width: number;
  readonly height: number;
  readonly #bitmap: ImageBitmap;
  #canvas = new OffscreenCanvas(1, 1);

  constructor(bitmap: ImageBitmap) {
    this.#bitmap = bitmap;
    [this.width, this.height] = [bitmap.width, bitmap.height];
  }

  /** Raises: Refused, where it is no picture, or none that this browser can hold. */
  static async open(blob: Blob): Promise<Decoded> {
    await refuse(blob);
    try {
      return new Decoded(await createImageBitmap(blob));
    } catch {
      throw new Refused("This picture cannot be read here: it is damaged, of a kind that this browser does not know, or too large for it.");
    }
  }

  read(left: number, top: number, width: number, height: number): Uint8ClampedArray {
    if (this.#canvas.width < width || this.#canvas.height < height) {
      this.#canvas = new OffscreenCanvas(Math.max(this.#canvas.width, width), Math.max(this.#canvas.height, height));
    }
    const pen = this.#canvas.getContext("2d", { willReadFrequently: true });
    if (!pen) throw new Refused("This browser has no room to draw the picture.");
    pen.globalCompositeOperation = "copy";
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.#bitmap, left, top, width, height, 0, 0, width, height);
    return pen.getImageData(0, 0, width, height).data;
  }

  close(): void {
    this.#bitmap.close();
    this.#canvas = new OffscreenCanvas(1, 1);
  }
}

/** A mask of the photo's size from a picture: not 0 where it is bright. */
export async function mask(blob: Blob | null | undefined, photo: Photo): Promise<Uint8Array | null> {
  if (!blob) return null;
  const picture = await Decoded.open(blob);
  try {
    if (picture.width !== photo.width || picture.height !== photo.height) {
      throw new Refused(`A mask of ${picture.width}×${picture.height} pixels; expected ${photo.width}×${photo.height}, as the photo.`);
    }
    const result = new Uint8Array(photo.width * photo.height);
    for (let top = 0; top < photo.height; top += 128) {
      const rows = Math.min(128, photo.height - top);
      const pixels = picture.read(0, top, photo.width, rows);
      for (let at = 0, into = top * photo.width; at < pixels.length; at += 4, into++) result[into] = pixels[at]! >= 128 ? 255 : 0;
    }
    return result;
  } finally {
    picture.close();
  }
}

/** What the first bytes say is refused before a decoder makes room for it. */
async function refuse(blob: Blob): Promise<void> {
  if (!blob.size) throw new Refused("This file is empty.");
  const size = dimensions(new Uint8Array(await blob.slice(0, 1 << 18).arrayBuffer()));
  if (size && size[0] * size[1] > MAX_PIXELS) {
    const [across, down] = size;
    throw new Refused(`This picture has ${across}×${down} pixels, ${Math.round((across * down) / 1e6)} megapixels; at most ${Math.floor(MAX_PIXELS / 1e6)} can be cut here. Make it smaller first.`);
  }
}

/** Width and height as PNG and JPEG headers promise them; null where they are not found. */
function dimensions(head: Uint8Array): [number, number] | null {
  const view = new DataView(head.buffer);
  if (head.length > 24 && view.getUint32(0) === 0x89504e47) return [view.getUint32(16), view.getUint32(20)];
  if (head.length < 4 || view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; at + 9 < head.length && head[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = head[at + 1]!;
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
  }
  return null;
}
