// What the user says is surely subject (keep) or surely background (erase): matting/hints.py, for masks.

import type { Field } from "../grid.js";
import { Blocks, colours as shrinkColours } from "../photo.js";

const REACH = 16;
const EDGE = 20;

/** Each (height × width), not 0 where it is meant; null where nothing was said. */
export interface Hints {
  keep: Uint8Array | null;
  erase: Uint8Array | null;
}

/** The saliency map, raised around what is kept and lowered around what is erased. */
export function guide(map: Field, photo: Blocks, { keep, erase }: Hints): Field {
  const colours = shrinkColours(photo, map.width, map.height);
  const [up, down] = [keep, erase].map((mask) => mask && spread(coverage(mask, photo, map), colours));
  const level = map.planes[0]!.map((value, at) => {
    const say = (up?.[at] ?? 0) - (down?.[at] ?? 0);
    return value + (say > 0 ? say * (1 - value) : say * value);
  });
  return { ...map, planes: [level] };
}

/** 255 wherever it was to be kept, 0 wherever it was to be erased, in place. */
export function enforce(alpha: Uint8Array, { keep, erase }: Hints): void {
  for (let at = 0; at < alpha.length; at++) {
    if (erase?.[at]) alpha[at] = 0;
    if (keep?.[at]) alpha[at] = 255;
  }
}

/** 1 where half of a cell is hinted at, and less where less of it is. */
function coverage(mask: Uint8Array, { width, height }: Blocks, map: Field): Float32Array {
  const blocks = new Blocks(width, height, 1);
  for (let y = 0; y < height; y++) blocks.add(y, mask, y * width, 1);
  return blocks.at(map.width, map.height).planes[0]!.map((value) => Math.min((2 * value) / 255, 1));
}

/** A hint's say in every cell: what the best of four neighbours has, less the cost of the step, `REACH` times. */
function spread(say: Float32Array, { width, height, planes }: Field): Float32Array {
  const cost = (a: number, b: number) => 1 / REACH + EDGE * planes.reduce((sum, plane) => sum + (plane[a]! - plane[b]!) ** 2, 0);
  const [down, across] = [new Float32Array(say.length), new Float32Array(say.length)];
  for (let at = 0; at < say.length; at++) {
    if (at + width < say.length) down[at] = cost(at, at + width);
    if ((at + 1) % width) across[at] = cost(at, at + 1);
  }
  // As in numpy, each of the four steps sees the whole field as the step before left it.
  const pass = (from: number, step: number, price: Float32Array, start: number, stop: number, wide: number) => {
    const before = say.slice();
    for (let y = start; y < stop; y++) {
      for (let x = 0; x < wide; x++) {
        const at = from + y * width + x;
        const near = at + step;
        const paid = before[near]! - price[Math.min(at, near)]!;
        if (paid > say[at]!) say[at] = paid;
      }
    }
  };
  for (let round = 0; round < REACH; round++) {
    pass(0, -width, down, 1, height, width);
    pass(0, width, down, 0, height - 1, width);
    pass(1, -1, across, 0, height, width - 1);
    pass(0, 1, across, 0, height, width - 1);
  }
  return say;
}
