// Smooth colours of subject and background, F and B, where a photo mixes them, I = αF + (1 − α)B: coarse to fine
// (Germer et al., 2020), on a chessboard, over-relaxed (Young, 1954): matting/layers.py, in loops.

import { type Field, field, halve, windowed } from "../grid.js";

const SMALLEST_SIDE = 24;
const [ROUNDS_SMALL, ROUNDS_LARGE] = [10, 4];
const OVERSHOOT = 1.7;
const SMOOTHNESS = 1e-5;

/** Colours (3) and alpha to F (3) and B (3), 0 where nothing near is mixed. */
export function solve(colours: Field, alpha: Float32Array): Field {
  const levels: Field[] = [{ ...colours, planes: [...colours.planes, alpha] }];
  while (longer(levels.at(-1)!) > SMALLEST_SIDE) levels.push(halve(levels.at(-1)!));
  const coarsest = levels.pop()!;
  const size = coarsest.width * coarsest.height;
  const means = colours.planes.map((plane) => new Float32Array(size).fill(plane.reduce((sum, value) => sum + value, 0) / plane.length));
  let found = solved(coarsest, new Float32Array(size).fill(1), { ...coarsest, planes: [...means, ...means] }, ROUNDS_SMALL);
  for (const level of levels.reverse()) {
    const mixed = level.planes[3]!.map((value) => Number(value > 0 && value < 1));
    const unknown = windowed(mixed, level.width, level.height, 1, Math.max);
    found = solved(level, unknown, found, longer(level) <= 2 * SMALLEST_SIDE ? ROUNDS_SMALL : ROUNDS_LARGE);
  }
  return found;
}

const longer = ({ width, height }: Field) => Math.max(width, height);

/** One level, from F and B of the same or half the size. */
function solved({ width, height, planes }: Field, unknown: Float32Array, guess: Field, rounds: number): Field {
  const result = field(width, height, 6);
  const step = guess.width === width && guess.height === height ? 1 : 2;
  const fields: number[][] = [[], []];
  for (let at = 0; at < unknown.length; at++) {
    if (!unknown[at]) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    fields[(x + y) % 2]!.push(at);
    const from = Math.floor(y / step) * guess.width + Math.floor(x / step);
    for (let plane = 0; plane < 6; plane++) result.planes[plane]![at] = guess.planes[plane]![from]!;
  }
  if (!fields[0]!.length || !fields[1]!.length) return result;
  const halves = fields.map((cells) => equations(cells, width, planes[3]!, unknown));
  for (let round = 0; round < rounds; round++) {
    for (const half of halves) {
      for (let channel = 0; channel < 3; channel++) relax(half, planes[channel]!, result.planes[channel]!, result.planes[channel + 3]!);
    }
  }
  return result;
}

/**
 * The cells of one colour of the chessboard. Of each, its four neighbours (itself where there is none) and their pulls,
 * the inverse of its matrix (its diagonal, and what stands beside), and what the photo's colour says of F and of B.
 */
interface Half {
  cells: number[];
  beside: Int32Array;
  pulls: Float32Array;
  inverse: Float32Array;
  says: Float32Array;
}

function equations(cells: number[], width: number, alpha: Float32Array, unknown: Float32Array): Half {
  const count = cells.length;
  const [beside, pulls] = [new Int32Array(4 * count), new Float32Array(4 * count)];
  const [inverse, says] = [new Float32Array(3 * count), new Float32Array(2 * count)];
  for (const [index, at] of cells.entries()) {
    const x = at % width;
    const there = [at >= width, at + width < alpha.length, x > 0, x + 1 < width];
    let pull = 0;
    for (const [side, away] of [-width, width, -1, 1].entries()) {
      const known = there[side]! && unknown[at + away]! > 0;
      beside[4 * index + side] = known ? at + away : at;
      pulls[4 * index + side] = known ? SMOOTHNESS + Math.abs(alpha[at]! - alpha[at + away]!) : 0;
      pull += pulls[4 * index + side]!;
    }
    pull = Math.max(pull, SMOOTHNESS);
    const [front, back] = [alpha[at]!, 1 - alpha[at]!];
    const determinant = pull * (front * front + back * back + pull);
    const [f, b, both] = [(back * back + pull) / determinant, (front * front + pull) / determinant, (-front * back) / determinant];
    inverse.set([f, b, both], 3 * index);
    says.set([f * front + both * back, b * back + both * front], 2 * index);
  }
  return { cells, beside, pulls, inverse, says };
}

/** Solve one colour's F and B of a channel from the other's, and go beyond. */
function relax({ cells, beside, pulls, inverse, says }: Half, shown: Float32Array, fronts: Float32Array, backs: Float32Array): void {
  for (let index = 0; index < cells.length; index++) {
    const at = cells[index]!;
    let [front, back] = [0, 0];
    for (let side = 4 * index; side < 4 * index + 4; side++) {
      front += pulls[side]! * fronts[beside[side]!]!;
      back += pulls[side]! * backs[beside[side]!]!;
    }
    const both = inverse[3 * index + 2]!;
    const f = says[2 * index]! * shown[at]! + inverse[3 * index]! * front + both * back;
    const b = says[2 * index + 1]! * shown[at]! + inverse[3 * index + 1]! * back + both * front;
    fronts[at] = Math.min(Math.max(fronts[at]! + OVERSHOOT * (f - fronts[at]!), 0), 1);
    backs[at] = Math.min(Math.max(backs[at]! + OVERSHOOT * (b - backs[at]!), 0), 1);
  }
}
