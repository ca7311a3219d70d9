// A photo as the rest sees it, and small pictures of it: imaging/photo.py and shrinking.py.

import { type Field, field, BOX, resample, STRIP_PX } from "./grid.js";

export interface Photo {
  width: number;
  height: number;
  /** RGBA, straight alpha, of a rectangle. */
  read(left: number, top: number, width: number, height: number): Uint8ClampedArray;
}

const LEAST_SIDE_PX = 1024;

/** Means of square blocks, until the longer side has little more than 1,024 of them. */
export class Blocks {
  readonly block: number;
  readonly means: Field;
  readonly #extent: [number, number];
  readonly #sums: Float64Array;
  readonly #channels: number;

  constructor(
    readonly width: number,
    readonly height: number,
    channels: number,
  ) {
    this.#channels = channels;
    this.block = Math.max(1, Math.floor(Math.max(width, height) / LEAST_SIDE_PX));
    this.means = field(Math.ceil(width / this.block), Math.ceil(height / this.block), channels);
    this.#extent = [width / this.block, height / this.block];
    this.#sums = new Float64Array(this.means.width * channels);
  }

  /** Take in one row, whole; `step` from pixel to pixel. Rows must come in order. */
  add(y: number, row: ArrayLike<number>, at: number, step: number): void {
    const [block, channels, sums] = [this.block, this.#channels, this.#sums];
    for (let x = 0, cell = 0, left = block; x < this.width; x++, at += step) {
      for (let channel = 0; channel < channels; channel++) sums[cell + channel]! += row[at + channel]!;
      if (--left === 0) {
        left = block;
        cell += channels;
      }
    }
    if ((y + 1) % block !== 0 && y + 1 !== this.height) return;
    const into = Math.floor(y / block);
    const high = (y % block) + 1;
    for (let cell = 0; cell < this.means.width; cell++) {
      const wide = Math.min(block, this.width - cell * block);
      const count = wide * high;
      const share = Math.floor(Math.fround(2 ** 24 / count)); // Pillow's division
      for (let channel = 0; channel < channels; channel++) {
        const sum = sums[cell * channels + channel]! + (count >> 1);
        this.means.planes[channel]![into * this.means.width + cell] = Math.floor((sum * share) / 2 ** 24);
      }
    }
    sums.fill(0);
  }

  /** The picture at a size, in 0..255: the mean over each target pixel's area, or by another kernel. */
  at(width: number, height: number, kernel = BOX): Field {
    return resample(this.means, width, height, kernel, { bytes: true, extent: this.#extent });
  }
}

/** The photo as people see it, made small; and whether anything in it is transparent. */
export function overview(photo: Photo): { blocks: Blocks; transparent: boolean } {
  const blocks = new Blocks(photo.width, photo.height, 3);
  let transparent = false;
  for (let top = 0; top < photo.height; top += STRIP_PX) {
    const rows = Math.min(STRIP_PX, photo.height - top);
    const pixels = photo.read(0, top, photo.width, rows);
    transparent = show(pixels) || transparent;
    for (let y = 0; y < rows; y++) blocks.add(top + y, pixels, y * photo.width * 4, 4);
  }
  return { blocks, transparent };
}

/** Lay what is transparent on white, in place: hidden colours stay hidden. True where there was any. */
export function show(pixels: Uint8ClampedArray): boolean {
  let any = false;
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3]!;
    if (alpha === 255) continue;
    any = true;
    for (let channel = at; channel < at + 3; channel++) {
      pixels[channel] = Math.floor((pixels[channel]! * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
  return any;
}

/** The mean colour of every cell, in 0..1. */
export function colours(blocks: Blocks, width: number, height: number): Field {
  const small = blocks.at(width, height);
  for (const plane of small.planes) for (let at = 0; at < plane.length; at++) plane[at]! /= 255;
  return small;
}
