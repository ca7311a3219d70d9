// The subject's own colours along its edge, where the photo shows them mixed with the background's: matting/foreground.py.

import { BILINEAR, Reader } from "../grid.js";
import { type Blocks, colours as shrinkColours } from "../photo.js";
import { solve } from "./layers.js";

const COARSE_SIDE_PX = 640;
const TEXTURE = 0.01;

/** Puts the subject's colours and alpha into the rows of a strip, in place; (0, 0, 0, 0) where alpha is 0. */
export type Colour = (pixels: Uint8ClampedArray, top: number, rows: number) => void;

/** `covered`: the mask in block means. */
export function estimate(blocks: Blocks, covered: Blocks, mask: Uint8Array): Colour {
  const { width, height } = blocks;
  const scale = Math.min(1, COARSE_SIDE_PX / Math.max(width, height));
  const [across, down] = [Math.max(1, evenRound(width * scale)), Math.max(1, evenRound(height * scale))];
  const alpha = covered.at(across, down).planes[0]!.map((value) => value / 255);
  const open = alpha.some((value) => value > 0 && value < 1);
  const read = open ? new Reader(solve(shrinkColours(blocks, across, down), alpha), width, height, BILINEAR) : null;
  const lines = Array.from({ length: 6 }, () => new Float32Array(width));
  return (pixels, top, rows) => {
    for (let y = 0, at = 0; y < rows; y++) {
      const own = (top + y) * width;
      for (let x = 0; x < width; x++, at += 4) {
        if (mask[own + x] === 0) pixels[at] = pixels[at + 1] = pixels[at + 2] = 0;
        pixels[at + 3] = mask[own + x]!;
      }
      if (!read) continue;
      for (let x = 0; x < width; x++) {
        if (!partial(mask[own + x]!)) continue;
        const first = x;
        while (x < width && partial(mask[own + x]!)) x++;
        read.read(top + y, first, lines, x - first);
        mend(pixels, 4 * (y * width + first), mask.subarray(own + first, own + x), lines);
      }
    }
  };
}

const partial = (level: number) => level > 0 && level < 255;

/** As Python rounds: halves to even. */
function evenRound(value: number): number {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}

/** What the photo shows beyond the smooth mixture goes to the foreground, as far as alpha allows. */
function mend(pixels: Uint8ClampedArray, at: number, levels: Uint8Array, lines: Float32Array[]): void {
  for (let x = 0; x < levels.length; x++, at += 4) {
    const alpha = levels[x]! / 255;
    const share = alpha / (alpha ** 2 + (1 - alpha) ** 2 + TEXTURE);
    for (let channel = 0; channel < 3; channel++) {
      const [front, back] = [lines[channel]![x]!, lines[channel + 3]![x]!];
      const texture = pixels[at + channel]! / 255 - alpha * front - (1 - alpha) * back;
      pixels[at + channel] = Math.floor(Math.min(Math.max(front + share * texture, 0), 1) * 255 + 0.5);
    }
  }
}
