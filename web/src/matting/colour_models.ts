// What colour says about alpha, cell by cell: matting/colour_models.py, in loops. A model is five planes: a (3), b, and
// the gain K; alpha = a·I + b + (1 − K)·map. Covariances are rr, rg, rb, gg, gb, bb.

import { boxMean, type Field, field, halve, resize, windowed } from "../grid.js";

const TINY = 1e-6;
export const SCALES = 3;
const TRUST_RADIUS = 3;
const UNDECIDED = 0.1;

type Plane = Float32Array;
type Three = [Plane, Plane, Plane];
type Fifteen = [Plane, Plane, Plane, Plane, Plane, Plane, Plane, Plane, Plane, Plane, Plane, Plane, Plane, Plane, Plane];

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

/** How far from the map, where it is undecided, its colours put alpha: little in a soft edge that is one. */
export function dissent({ planes }: Field, { planes: [map] }: Field, { planes: [red, green, blue] }: Field): number {
  const [a0, a1, a2, b, k] = planes as Fifteen;
  let [apart, total] = [0, 0];
  map!.forEach((level, at) => {
    if (level <= UNDECIDED || level >= 1 - UNDECIDED) return;
    const said = clip(a0[at]! * red![at]! + a1[at]! * green![at]! + a2[at]! * blue![at]! + b[at]!, 0, k[at]!);
    apart += Math.abs(said - k[at]! * level);
    total += k[at]!;
  });
  return total > TINY ? apart / total : 0;
}

/** Regress the map on colour in 3×3 cells; noise and grain keep texture that means nothing from being read as alpha. */
export function faithful(map: Field, colours: Field, noise: number, grain: number[]): Field {
  const result = field(map.width, map.height, 5);
  const [a0, a1, a2, b, k] = result.planes as Fifteen;
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
  const [red, green, blue] = colours.planes as Three;
  const level = map.planes[0]!;
  const write = terms.planes as Fifteen;
  for (let at = 0; at < red.length; at++) {
    const r = red[at]!;
    const g = green[at]!;
    const b = blue[at]!;
    const m = level[at]!;
    write[0][at] = r;
    write[1][at] = g;
    write[2][at] = b;
    write[3][at] = m;
    write[4][at] = r * m;
    write[5][at] = g * m;
    write[6][at] = b * m;
    write[13][at] = m * m;
    write[14][at] = 1;
  }
  products(colours, write.slice(7, 13), null);
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

/** The products of every two channels, weighted. */
function products({ planes }: Field, into: Float32Array[], weights: Float32Array | null): void {
  const [red, green, blue] = planes as Three;
  const [rr, rg, rb, gg, gb, bb] = into as Fifteen;
  for (let at = 0; at < red.length; at++) {
    const weight = weights ? weights[at]! : 1;
    const r = red[at]!;
    const g = green[at]!;
    const b = blue[at]!;
    rr[at] = weight * r * r;
    rg[at] = weight * r * g;
    rb[at] = weight * r * b;
    gg[at] = weight * g * g;
    gb[at] = weight * g * b;
    bb[at] = weight * b * b;
  }
}

/** Solve a symmetric 3×3 system by cofactors, into `out`. */
function solve(rr: number, rg: number, rb: number, gg: number, gb: number, bb: number, r: number, g: number, b: number, out: Float64Array) {
  const c0 = gg * bb - gb * gb;
  const c1 = rb * gb - rg * bb;
  const c2 = rg * gb - rb * gg;
  const c3 = rr * bb - rb * rb;
  const c4 = rg * rb - rr * gb;
  const c5 = rr * gg - rg * rg;
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
  const [red, green, blue] = colours.planes as Three;
  const [front, back, fr, fg, fb, br, bg, bb] = sums.planes as Fifteen;
  const both = guess.planes[0]!.map((level, at) => {
    const subject = Math.max(2 * level - 1, 0) ** 3;
    const background = Math.max(1 - 2 * level, 0) ** 3;
    front[at] = subject;
    back[at] = background;
    fr[at] = subject * red[at]!;
    fg[at] = subject * green[at]!;
    fb[at] = subject * blue[at]!;
    br[at] = background * red[at]!;
    bg[at] = background * green[at]!;
    bb[at] = background * blue[at]!;
    return subject + background;
  });
  products(colours, sums.planes.slice(8), both);
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
  const [a0, a1, a2, offsets, says] = result.planes as Fifteen;
  const [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = means as Fifteen;
  const slope = new Float64Array(3);
  const out = new Float64Array(3);
  for (let at = 0; at < a0.length; at++) {
    const subject = m0[at]!;
    const background = m1[at]!;
    const f = 1 / (subject + TINY);
    const b = 1 / (background + TINY);
    const fr = m2[at]! * f;
    const fg = m3[at]! * f;
    const fb = m4[at]! * f;
    const br = m5[at]! * b;
    const bg = m6[at]! * b;
    const bb = m7[at]! * b;
    const share = 1 / (subject + background + TINY);
    let rr = (m8[at]! - subject * fr * fr - background * br * br) * share;
    const rg = (m9[at]! - subject * fr * fg - background * br * bg) * share;
    const rb = (m10[at]! - subject * fr * fb - background * br * bb) * share;
    let gg = (m11[at]! - subject * fg * fg - background * bg * bg) * share;
    const gb = (m12[at]! - subject * fg * fb - background * bg * bb) * share;
    let blues = (m13[at]! - subject * fb * fb - background * bb * bb) * share;
    const ridge = (0.02 / 3) * Math.max(rr + gg + blues, 0) + 1e-4 + noise;
    rr += ridge;
    gg += ridge;
    blues += ridge;
    const dr = fr - br;
    const dg = fg - bg;
    const db = fb - bb;
    solve(rr, rg, rb, gg, gb, blues, dr, dg, db, slope);
    const separability = Math.max(slope[0]! * dr + slope[1]! * dg + slope[2]! * db, 0);
    const scale = 1 / (separability + TINY);
    const sr = slope[0]! * scale;
    const sg = slope[1]! * scale;
    const sb = slope[2]! * scale;
    const offset = -(sr * br + sg * bg + sb * bb);
    const r = red![at]!;
    const g = green![at]!;
    const l = blue![at]!;
    const place = clip(sr * r + sg * g + sb * l + offset, 0, 1);
    const er = r - br - place * dr;
    const eg = g - bg - place * dg;
    const eb = l - bb - place * db;
    solve(rr, rg, rb, gg, gb, blues, er, eg, eb, out);
    const distance = Math.max(er * out[0]! + eg * out[1]! + eb * out[2]!, 0);
    const seen = Math.min(subject, background);
    const say = ((separability * seen) / (seen + 1e-3)) / (1 + (distance / TRUST_RADIUS) ** 2);
    a0[at] = sr * say;
    a1[at] = sg * say;
    a2[at] = sb * say;
    offsets[at] = offset * say;
    says[at] = say;
  }
  return result;
}
