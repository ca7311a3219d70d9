// What colour says about alpha, cell by cell: matting/colour_models.py, in loops. A model is five planes: a (3), b, and
// the gain K; alpha = a·I + b + (1 − K)·map. Covariances are rr, rg, rb, gg, gb, bb.

import { boxMean, type Field, field, halve, resize, windowed } from "../grid.js";

const TINY = 1e-6;
export const SCALES = 3;
const TRUST_RADIUS = 3;

const clip = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** Energy of the second differences over that of the first: a network's guess is soft, a true matte is not. */
export function sharpness({ width, height, planes: [map] }: Field): number {
  let [bends, slopes] = [0, 0];
  for (let y = 0; y < height; y++) {
    const [above, below] = [Math.max(0, y - 1) * width, Math.min(height - 1, y + 1) * width];
    for (let x = 0; x < width; x++) {
      const [up, down] = [map![above + x]!, map![below + x]!];
      const [left, right] = [map![y * width + Math.max(0, x - 1)]!, map![y * width + Math.min(width - 1, x + 1)]!];
      bends += (up + down + left + right - 4 * map![y * width + x]!) ** 2;
      slopes += ((down - up) / 2) ** 2 + ((right - left) / 2) ** 2;
    }
  }
  return slopes > TINY ? bends / slopes : 0;
}

/** How much of the map colour explains linearly, on the halved grid: R². */
export function agreement(map: Field, colours: Field): number {
  let [explained, total] = [0, 0];
  regress(halve(map), halve(colours), 2e-4, [0, 0, 0, 0, 0, 0], (_at, _colour, _level, share, _slope, variance) => {
    explained += clip(share, 0, variance);
    total += variance;
  });
  return total > TINY ? explained / total : 1;
}

/** Regress the map on colour in 3×3 cells; noise and grain keep texture that means nothing from being read as alpha. */
export function faithful(map: Field, colours: Field, noise: number, grain: number[]): Field {
  const result = field(map.width, map.height, 5);
  const [a0, a1, a2, b, k] = result.planes as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const spread = grain.map((value) => 0.3 * value);
  regress(map, colours, 5e-5 + 4 * noise, spread, (at, colour, level, share, slope, variance) => {
    const gain = clip(share / (variance + 1e-5), 0, 0.999);
    const shrunk = gain / (gain + 1e-5);
    const [r, g, blue] = [slope[0]! * shrunk, slope[1]! * shrunk, slope[2]! * shrunk];
    [a0[at], a1[at], a2[at]] = [r, g, blue];
    b[at] = gain * level - (r * colour[0]! + g * colour[1]! + blue * colour[2]!);
    k[at] = gain;
  });
  return result;
}

/** Ask the colours of subject and background around every cell, first on the halved grid, then cell by cell. */
export function corrective(map: Field, colours: Field, noise: number): Field {
  const [coarse, shades] = [halve(map), halve(colours)];
  const first = ask(coarse, coarse, shades, noise);
  const change = field(coarse.width, coarse.height, 1);
  for (let at = 0; at < change.planes[0]!.length; at++) {
    const level = coarse.planes[0]![at]!;
    change.planes[0]![at] = clip(answer(first, shades, level, at), 0, 1) - level;
  }
  const [moved] = resize(change, map.width, map.height).planes;
  const guess = { ...map, planes: [map.planes[0]!.map((value, at) => clip(value + moved![at]!, 0, 1))] };
  return ask(guess, map, colours, noise);
}

/** alpha of one cell by a model. */
export function answer({ planes: [a0, a1, a2, b, k] }: Field, { planes: [red, green, blue] }: Field, level: number, at: number): number {
  return a0![at]! * red![at]! + a1![at]! * green![at]! + a2![at]! * blue![at]! + b![at]! + (1 - k![at]!) * level;
}

type Told = (at: number, colour: number[], level: number, share: number, slope: Float64Array, variance: number) => void;

/** Over 3×3 cells: tells mean colour, mean map, slope·covariance, slope and variance of the map of every cell. */
function regress(map: Field, colours: Field, ridge: number, spread: number[], tell: Told): void {
  const terms = field(map.width, map.height, 15);
  const t = terms.planes;
  const [red, green, blue] = colours.planes as [Float32Array, Float32Array, Float32Array];
  for (let at = 0; at < red.length; at++) {
    const [r, g, b, m] = [red[at]!, green[at]!, blue[at]!, map.planes[0]![at]!];
    const all = [r, g, b, m, r * m, g * m, b * m, r * r, r * g, r * b, g * g, g * b, b * b, m * m, 1];
    for (let term = 0; term < 15; term++) t[term]![at] = all[term]!;
  }
  const means = boxMean(terms, 1).planes;
  const slope = new Float64Array(3);
  const mean = new Float64Array(15);
  for (let at = 0; at < red.length; at++) {
    const weight = means[14]![at]!;
    for (let term = 0; term < 14; term++) mean[term] = means[term]![at]! / weight;
    const [r, g, b, m] = [mean[0]!, mean[1]!, mean[2]!, mean[3]!];
    const variance = Math.max(mean[13]! - m * m, 0);
    const [sr, sg, sb] = [mean[4]! - r * m, mean[5]! - g * m, mean[6]! - b * m];
    solve(
      mean[7]! - r * r + spread[0]! + ridge,
      mean[8]! - r * g + spread[1]!,
      mean[9]! - r * b + spread[2]!,
      mean[10]! - g * g + spread[3]! + ridge,
      mean[11]! - g * b + spread[4]!,
      mean[12]! - b * b + spread[5]! + ridge,
      sr,
      sg,
      sb,
      slope,
    );
    tell(at, [r, g, b], m, slope[0]! * sr + slope[1]! * sg + slope[2]! * sb, slope, variance);
  }
}

/** Solve a symmetric 3×3 system by cofactors, into `out`. */
function solve(rr: number, rg: number, rb: number, gg: number, gb: number, bb: number, r: number, g: number, b: number, out: Float64Array) {
  const [c0, c1, c2] = [gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg];
  const [c3, c4, c5] = [rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg];
  const determinant = rr * c0 + rg * c1 + rb * c2;
  out[0] = (c0 * r + c1 * g + c2 * b) / determinant;
  out[1] = (c1 * r + c3 * g + c4 * b) / determinant;
  out[2] = (c2 * r + c4 * g + c5 * b) / determinant;
}

/** Prior variance of the map: large on its ramps, small on plateaus, where it means what it says. */
function doubt({ width, height, planes: [map] }: Field): Float32Array {
  const [high, low] = [windowed(map!, width, height, 1, Math.max), windowed(map!, width, height, 1, Math.min)];
  return map!.map((value, at) => {
    const rise = high[at]! - low[at]!;
    return Math.max(value * (1 - value) * Math.min(0.25 + 4 * rise, 1), rise ** 2 / 4) / 2;
  });
}

/** The discriminants of all scales, weighted by their separability. `guess`: who belongs to whom; `map`: what is corrected. */
function ask(guess: Field, map: Field, colours: Field, noise: number): Field {
  let sums = field(guess.width, guess.height, 14);
  for (let at = 0; at < guess.planes[0]!.length; at++) {
    const level = guess.planes[0]![at]!;
    const [front, back] = [Math.max(2 * level - 1, 0) ** 3, Math.max(1 - 2 * level, 0) ** 3];
    const [r, g, b] = [colours.planes[0]![at]!, colours.planes[1]![at]!, colours.planes[2]![at]!];
    const both = front + back;
    const all = [front, back, front * r, front * g, front * b, back * r, back * g, back * b];
    all.push(both * r * r, both * r * g, both * r * b, both * g * g, both * g * b, both * b * b);
    for (let term = 0; term < 14; term++) sums.planes[term]![at] = all[term]!;
  }
  const total = field(guess.width, guess.height, 5);
  let shades = colours;
  for (let scale = 0; scale < SCALES; scale++) {
    const found = resize(discriminant(boxMean(sums, 2), shades, noise), guess.width, guess.height);
    for (const [index, plane] of total.planes.entries()) for (let at = 0; at < plane.length; at++) plane[at]! += found.planes[index]![at]!;
    [sums, shades] = [halve(sums), halve(shades)];
  }
  const prior = doubt(map);
  for (let at = 0; at < prior.length; at++) {
    const separability = total.planes[4]![at]!;
    const trust = (prior[at]! * separability) / SCALES;
    const gain = trust / (1 + trust);
    for (let index = 0; index < 4; index++) total.planes[index]![at]! *= gain / (separability + 1e-9);
    total.planes[4]![at] = gain;
  }
  return total;
}

/** Fisher's discriminant of two colour clouds, 0 at the background's mean and 1 at the subject's: slope·J, offset·J, J. */
function discriminant({ width, height, planes: means }: Field, { planes: [red, green, blue] }: Field, noise: number): Field {
  const result = field(width, height, 5);
  const [a0, a1, a2, offsets, says] = result.planes as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
  const [slope, out] = [new Float64Array(3), new Float64Array(3)];
  for (let at = 0; at < a0.length; at++) {
    const mean = (term: number) => means[term]![at]!;
    const [subject, background] = [mean(0), mean(1)];
    const [f, b] = [subject + TINY, background + TINY];
    const [fr, fg, fb] = [mean(2) / f, mean(3) / f, mean(4) / f];
    const [br, bg, bb] = [mean(5) / b, mean(6) / b, mean(7) / b];
    const weight = subject + background + TINY;
    let rr = (mean(8) - subject * fr * fr - background * br * br) / weight;
    const rg = (mean(9) - subject * fr * fg - background * br * bg) / weight;
    const rb = (mean(10) - subject * fr * fb - background * br * bb) / weight;
    let gg = (mean(11) - subject * fg * fg - background * bg * bg) / weight;
    const gb = (mean(12) - subject * fg * fb - background * bg * bb) / weight;
    let blues = (mean(13) - subject * fb * fb - background * bb * bb) / weight;
    const ridge = (0.02 / 3) * Math.max(rr + gg + blues, 0) + 1e-4 + noise;
    [rr, gg, blues] = [rr + ridge, gg + ridge, blues + ridge];
    const [dr, dg, db] = [fr - br, fg - bg, fb - bb];
    solve(rr, rg, rb, gg, gb, blues, dr, dg, db, slope);
    const separability = Math.max(slope[0]! * dr + slope[1]! * dg + slope[2]! * db, 0);
    const scale = 1 / (separability + TINY);
    const [sr, sg, sb] = [slope[0]! * scale, slope[1]! * scale, slope[2]! * scale];
    const offset = -(sr * br + sg * bg + sb * bb);
    const [r, g, l] = [red![at]!, green![at]!, blue![at]!];
    const place = clip(sr * r + sg * g + sb * l + offset, 0, 1);
    const [er, eg, eb] = [r - br - place * dr, g - bg - place * dg, l - bb - place * db];
    solve(rr, rg, rb, gg, gb, blues, er, eg, eb, out);
    const distance = Math.max(er * out[0]! + eg * out[1]! + eb * out[2]!, 0);
    const seen = Math.min(subject, background);
    const say = ((separability * seen) / (seen + 1e-3)) / (1 + (distance / TRUST_RADIUS) ** 2);
    [a0[at], a1[at], a2[at], offsets[at], says[at]] = [sr * say, sg * say, sb * say, offset * say, say];
  }
  return result;
}
