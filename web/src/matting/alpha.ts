// The alpha matte: the saliency map at the photo's size, its edge where the photo's colours put it: matting/alpha.py.

import * as grid from "../grid.js";
import { BICUBIC, BILINEAR, boxMean, crop, type Field, field, Reader, resample, STRIP_PX, windowed } from "../grid.js";
import { type Blocks, colours as shrinkColours, type Photo, show } from "../photo.js";
import * as models from "./colour_models.js";

const SURE = 0.02;
const [BLURRED, SOFT] = [0.35, 0.55];
const [BLUNT, SHARP] = [1.3, 1.45];
const [USUAL_DISSENT, THUMB, UNMISTAKABLE] = [0.12, 4, 2.75];
const [CONFIRMED, DENIED] = [0.09, 0.13];
const TEXTURE = 0.03;
const [GUESS_RAMP, FAITHFUL_RAMP] = [0.1, SURE];

/** Called between strips: a long work waits there for others, or is stopped. */
export type Pause = (share: number) => Promise<void> | void;

/** Alpha of every pixel in 255ths, rounded. */
export async function refine(map: Field, photo: Photo, blocks: Blocks, pause: Pause): Promise<Uint8Array> {
  const { width, height } = map;
  if (width > photo.width || height > photo.height) {
    const { planes } = resample(map, photo.width, photo.height, BICUBIC);
    return Uint8Array.from(planes[0]!, (value) => level(value, GUESS_RAMP));
  }
  const [level0] = map.planes as [Float32Array];
  const highest = windowed(level0, width, height, 2, Math.max);
  const lowest = windowed(level0, width, height, 2, Math.min);
  const band = Uint8Array.from(highest, (value, at) => Number(value > SURE && lowest[at]! < 1 - SURE));
  const colours = shrinkColours(blocks, width, height);
  const near = surroundings(band, width, height);
  const [there, shades] = [crop(map, ...near), crop(colours, ...near)];
  const model = field(width, height, 5);
  const noise = pixelNoise(photo);
  const sharpness = models.sharpness(there);
  const asked = sharpness < UNMISTAKABLE ? models.corrective(there, shades, noise) : null;
  const [guess, word] = kind(sharpness, asked ? models.dissent(asked, there, shades) : USUAL_DISSENT);
  if (asked && guess > 0) insert(model, asked, near, guess);
  if (word > 0) insert(model, models.faithful(there, shades, noise, grain(photo, band, width, height)), near, word);
  for (const plane of model.planes) for (let at = 0; at < plane.length; at++) plane[at]! *= band[at]!;
  const smooth = boxMean(model, 1);
  const ramp = guess * GUESS_RAMP + word * FAITHFUL_RAMP;
  const answer = level0.map((value, at) => models.answer(smooth, colours, value, at));
  const [most, least] = [windowed(answer, width, height, 1, Math.max), windowed(answer, width, height, 1, Math.min)];
  const open = band.map((inside, at) => inside & Number(most[at]! > ramp - TEXTURE && least[at]! < 1 - ramp + TEXTURE));
  return render(map, smooth, photo, open, answer.map((value) => Number(value > 0.5)), ramp, pause);
}

function level(value: number, ramp: number): number {
  return Math.floor(Math.min(Math.max((value - ramp) / (1 - 2 * ramp), 0), 1) * 255 + 0.5);
}

/** The rectangle of the band and of all that its colour models look at, in whole cells of the coarsest scale. */
function surroundings(band: Uint8Array, width: number, height: number): [number, number, number, number] {
  const step = 2 ** models.SCALES;
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (!band[at]) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), y];
    }
  }
  if (bottom < 0) [left, right, top, bottom] = [0, -1 - step, 0, -1 - step];
  const from = (first: number) => Math.max(0, Math.floor(first / step) - 2) * step;
  const [x, y] = [from(left), from(top)];
  return [x, y, Math.min(width, right + 1 + 2 * step) - x, Math.min(height, bottom + 1 + 2 * step) - y];
}

/** How far a map is a guess, and how far to be taken at its word; what is left to 1 is a soft edge. */
function kind(sharpness: number, dissent: number): [number, number] {
  const thumb = THUMB * (USUAL_DISSENT - dissent);
  const word = sharpness > SOFT ? rise(sharpness + thumb, BLUNT, SHARP) : 0;
  return [(1 - word) * rise(sharpness, BLURRED, SOFT) * rise(dissent, CONFIRMED, DENIED), word];
}

function rise(value: number, low: number, high: number): number {
  return Math.min(Math.max((value - low) / (high - low), 0), 1);
}

function insert(whole: Field, part: Field, [left, top]: readonly number[], weight: number): void {
  for (const [index, plane] of part.planes.entries()) {
    for (let y = 0; y < part.height; y++) {
      for (let x = 0; x < part.width; x++) {
        whole.planes[index]![(top! + y) * whole.width + left! + x]! += weight * plane[y * part.width + x]!;
      }
    }
  }
}

/** Variance of the photo's pixel noise: a low quantile of its squared second differences along some rows. */
function pixelNoise(photo: Photo, most = 16): number {
  if (photo.width < 3) return 0;
  const step = Math.max(1, Math.floor(photo.height / most));
  const bends: Float32Array[] = [];
  for (let y = 0; y < photo.height; y += step) {
    const row = photo.read(0, y, photo.width, 1);
    show(row);
    const squares = new Float32Array(photo.width - 2);
    for (let x = 0; x < squares.length; x++) {
      let sum = 0;
      for (let at = 4 * x; at < 4 * x + 3; at++) sum += (row[at]! - 2 * row[at + 4]! + row[at + 8]!) ** 2;
      squares[x] = sum / 3;
    }
    bends.push(squares);
  }
  const all = new Float32Array(bends.length * (photo.width - 2));
  bends.forEach((squares, index) => all.set(squares, index * squares.length));
  return quantile(all, 0.4) / (6 * 255 ** 2);
}

function quantile(values: Float32Array, share: number): number {
  values.sort();
  const place = share * (values.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, values.length - 1);
  return values[low]! + (place - low) * (values[high]! - values[low]!);
}

/** Covariance of colour inside a cell: the median over some cells that are not in the band. */
function grain(photo: Photo, band: Uint8Array, width: number, height: number, most = 128): number[] {
  const calm: number[] = [];
  band.forEach((inside, at) => inside || calm.push(at));
  const [wide, high] = [Math.floor(photo.width / width), Math.floor(photo.height / height)];
  const spreads = Array.from({ length: 6 }, () => [] as number[]);
  const step = Math.max(1, Math.floor(calm.length / most));
  for (let index = 0; index < calm.length; index += step) {
    const [x, y] = [calm[index]! % width, Math.floor(calm[index]! / width)];
    const cell = photo.read(Math.floor((x * photo.width) / width), Math.floor((y * photo.height) / height), wide, high);
    show(cell);
    const sums = new Float64Array(9);
    for (let at = 0; at < cell.length; at += 4) {
      const [r, g, b] = [cell[at]! / 255, cell[at + 1]! / 255, cell[at + 2]! / 255];
      [r, g, b, r * r, r * g, r * b, g * g, g * b, b * b].forEach((value, term) => (sums[term]! += value));
    }
    const [r, g, b, ...squares] = sums.map((sum) => sum / (wide * high)) as unknown as [number, number, number, ...number[]];
    [r * r, r * g, r * b, g * g, g * b, b * b].forEach((value, term) => spreads[term]!.push(squares[term]! - value));
  }
  return spreads.map((values) => (values.length ? quantile(Float32Array.from(values), 0.5) : 0));
}

/** Read map and model at the photo's size, in the band; elsewhere alpha is 1 inside, and 0. */
async function render(map: Field, model: Field, photo: Photo, open: Uint8Array, inside: ArrayLike<number>, ramp: number, pause: Pause) {
  const { width, height } = photo;
  const mask = new Uint8Array(width * height);
  const readModel = new Reader(model, width, height, BILINEAR);
  const readMap = new Reader(map, width, height, BICUBIC);
  const lines = Array.from({ length: 6 }, () => new Float32Array(width));
  const [red, green, blue, offset, gain, level] = lines as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const scale = 1 / (1 - 2 * ramp);
  for (let top = 0; top < height; top += STRIP_PX) {
    const rows = Math.min(STRIP_PX, height - top);
    const row = Math.floor((top * map.height) / height);
    const solid = Array.from({ length: map.width }, (_, x) => inside[row * map.width + x]);
    for (const [first, last] of grid.runs(solid, width)) {
      for (let y = top; y < top + rows; y++) mask.fill(255, y * width + first, y * width + last);
    }
    const columns = grid.openColumns(open, map.width, map.height, top, top + rows, height);
    for (const [first, last] of grid.runs(columns, width)) {
      const pixels = photo.read(first, top, last - first, rows);
      show(pixels);
      for (let y = 0, at = 0; y < rows; y++) {
        readModel.read(top + y, first, lines, last - first);
        readMap.read(top + y, first, [level], last - first);
        const into = (top + y) * width + first;
        for (let x = 0; x < last - first; x++, at += 4) {
          const colour = (red[x]! * pixels[at]! + green[x]! * pixels[at + 1]! + blue[x]! * pixels[at + 2]!) / 255;
          const value = (colour + offset[x]! + (1 - gain[x]!) * level[x]! - ramp) * scale;
          mask[into + x] = Math.min(Math.max(value, 0), 1) * 255 + 0.5;
        }
      }
    }
    await pause((top + rows) / height);
  }
  return mask;
}
