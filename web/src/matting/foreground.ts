// The subject's own colours along its edge, I = αF + (1 − α)B solved for smooth F and B, coarse to fine (Germer et al.,
// 2020): matting/foreground.py.

import { type Field, field, halve, Reader, BILINEAR, resize } from "../grid.js";
import { type Blocks, colours as shrinkColours } from "../photo.js";

const LARGEST_SIDE_PX = 512;
const SMALLEST_SIDE_PX = 24;
const [ROUNDS_SMALL, ROUNDS_LARGE] = [10, 7];
const MOMENTUM = 0.75;
const SMOOTHNESS = 1e-5;
const TEXTURE = 0.01;

/** Puts the subject's colours and alpha into the rows of a strip, in place; (0, 0, 0, 0) where alpha is 0. */
export type Colour = (pixels: Uint8ClampedArray, top: number, rows: number) => void;

/** `covered`: the mask in block means. */
export function estimate(blocks: Blocks, covered: Blocks, mask: Uint8Array): Colour {
  const { width, height } = blocks;
  const scale = Math.min(1, LARGEST_SIDE_PX / Math.max(width, height));
  const [across, down] = [Math.max(1, evenRound(width * scale)), Math.max(1, evenRound(height * scale))];
  const alpha = covered.at(across, down).planes[0]!.map((value) => value / 255);
  const open = alpha.some((value) => value > 0 && value < 1);
  const read = open ? new Reader(layers(shrinkColours(blocks, across, down), alpha), width, height, BILINEAR) : null;
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

/** Colours and alpha to smooth foreground (3) and background (3), coarse to fine. */
function layers(colours: Field, alpha: Float32Array): Field {
  const levels: Field[] = [{ ...colours, planes: [...colours.planes, alpha] }];
  while (Math.max(levels.at(-1)!.width, levels.at(-1)!.height) > SMALLEST_SIDE_PX) levels.push(halve(levels.at(-1)!));
  const means = colours.planes.map((plane) => Float32Array.of(plane.reduce((sum, value) => sum + value, 0) / plane.length));
  let result: Field = { width: 1, height: 1, planes: [...means, ...means] };
  for (const level of levels.reverse()) {
    const rounds = Math.max(level.width, level.height) <= 2 * SMALLEST_SIDE_PX ? ROUNDS_SMALL : ROUNDS_LARGE;
    result = relax(resize(result, level.width, level.height), level, rounds);
  }
  return result;
}

/**
 * Jacobi rounds, with momentum, of the 2×2 normal equations of every pixel: fit the photo, follow the neighbours. Only
 * where the rounds can reach an open pixel.
 */
function relax(start: Field, { width, height, planes }: Field, rounds: number): Field {
  const alpha = planes[3]!;
  const near = reach(alpha, width, height, rounds + 2);
  const count = near.length;
  // Four neighbours of each, itself at the borders; their pulls; and what of the equations does not change.
  const beside = new Int32Array(4 * count);
  const pulls = new Float32Array(4 * count);
  const [a, b, d] = [new Float32Array(count), new Float32Array(count), new Float32Array(count)];
  for (let index = 0; index < count; index++) {
    const at = near[index]!;
    const x = at % width;
    beside[4 * index] = at < width ? at : at - width;
    beside[4 * index + 1] = at + width >= alpha.length ? at : at + width;
    beside[4 * index + 2] = x ? at - 1 : at;
    beside[4 * index + 3] = x + 1 < width ? at + 1 : at;
    let pull = 0;
    for (let side = 4 * index; side < 4 * index + 4; side++) {
      pulls[side] = SMOOTHNESS + Math.abs(alpha[at]! - alpha[beside[side]!]!);
      pull += pulls[side]!;
    }
    const front = alpha[at]!;
    const back = 1 - front;
    const determinant = (front * front + pull) * (back * back + pull) - (front * back) ** 2;
    a[index] = (front * front + pull) / determinant;
    b[index] = (front * back) / determinant;
    d[index] = (back * back + pull) / determinant;
  }
  const result = field(width, height, 6);
  for (let channel = 0; channel < 3; channel++) {
    const shown = planes[channel]!;
    let [front, back] = [start.planes[channel]!, start.planes[channel + 3]!];
    let [oldFront, oldBack] = [Float32Array.from(front), Float32Array.from(back)] as [Float32Array, Float32Array];
    for (let round = 0; round < rounds; round++) {
      for (let index = 0, side = 0; index < count; index++, side += 4) {
        const at = near[index]!;
        const p0 = pulls[side]!;
        const p1 = pulls[side + 1]!;
        const p2 = pulls[side + 2]!;
        const p3 = pulls[side + 3]!;
        const n0 = beside[side]!;
        const n1 = beside[side + 1]!;
        const n2 = beside[side + 2]!;
        const n3 = beside[side + 3]!;
        const f = alpha[at]! * shown[at]! + p0 * front[n0]! + p1 * front[n1]! + p2 * front[n2]! + p3 * front[n3]!;
        const g = (1 - alpha[at]!) * shown[at]! + p0 * back[n0]! + p1 * back[n1]! + p2 * back[n2]! + p3 * back[n3]!;
        const newFront = MOMENTUM * (front[at]! - oldFront[at]!) + d[index]! * f - b[index]! * g;
        const newBack = MOMENTUM * (back[at]! - oldBack[at]!) + a[index]! * g - b[index]! * f;
        oldFront[at] = newFront < 0 ? 0 : newFront > 1 ? 1 : newFront;
        oldBack[at] = newBack < 0 ? 0 : newBack > 1 ? 1 : newBack;
      }
      [front, oldFront] = [oldFront, front];
      [back, oldBack] = [oldBack, back];
    }
    [result.planes[channel], result.planes[channel + 3]] = [front, back];
  }
  return result;
}

/** Places of all pixels that are at most so many steps from one with 0 < alpha < 1. */
function reach(alpha: Float32Array, width: number, height: number, steps: number): Int32Array {
  const seen = Uint8Array.from(alpha, (value) => Number(value > 0 && value < 1));
  const wide = new Uint8Array(seen.length);
  const mark = (source: Uint8Array, into: Uint8Array, line: number, step: number, length: number) => {
    let until = -1;
    for (let i = -steps; i < length; i++) {
      const ahead = i + steps;
      if (ahead < length && source[line + ahead * step]) until = ahead + steps;
      if (i >= 0 && i <= until) into[line + i * step] = 1;
    }
  };
  for (let y = 0; y < height; y++) mark(seen, wide, y * width, 1, width);
  const square = new Uint8Array(seen.length);
  for (let x = 0; x < width; x++) mark(wide, square, x, width, height);
  const places = new Int32Array(square.reduce((count, value) => count + value, 0));
  for (let at = 0, count = 0; at < square.length; at++) if (square[at]) places[count++] = at;
  return places;
}
