// A picture to its saliency map, and what the map says about itself: saliency/predictor.py and saliency/subject.py.

import { BILINEAR, type Field } from "./grid.js";
import type { Blocks } from "./photo.js";

const SIZE = 320;
const STEP = 32;
const LONGEST = 3;
const AREA = [0.95, 1.15] as const;
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

export const SUBJECT_CONFIDENCE = 0.4;

/** What the network is run by: (1, 3, height, width) to (height × width) in 0..1. */
export type Run = (input: Float32Array, width: number, height: number) => Promise<Float32Array>;

export async function predict(photo: Blocks, run: Run): Promise<Field> {
  const [width, height] = networkSize(photo.width, photo.height);
  const small = photo.at(width, height, BILINEAR);
  return { width, height, planes: [await run(normalise(small), width, height)] };
}

/** Whole steps whose shape is nearest to the photo's, at about the area of 320². */
export function networkSize(width: number, height: number): [number, number] {
  const shape = Math.min(Math.max(width / height, 1 / LONGEST), LONGEST);
  let best: [number, number] = [SIZE, SIZE];
  let least = Infinity;
  for (let down = STEP; down <= 2 * SIZE; down += STEP) {
    for (let across = STEP; across <= 2 * SIZE; across += STEP) {
      const area = (down * across) / SIZE ** 2;
      const far = Math.abs(Math.log(across / down / shape));
      if (area < AREA[0] || area > AREA[1] || far >= least) continue;
      [best, least] = [[across, down], far];
    }
  }
  return best;
}

/** (x / brightest − mean) / std, brightest of all values; in single precision at every step, as in Python. */
export function normalise({ width, height, planes }: Field): Float32Array {
  let brightest = 1;
  for (const plane of planes) for (const value of plane) brightest = Math.max(brightest, value);
  const input = new Float32Array(3 * width * height);
  for (const [channel, plane] of planes.entries()) {
    const std = Math.fround(STD[channel]!);
    const scale = Math.fround(1 / Math.fround(brightest * std));
    const offset = Math.fround(Math.fround(MEAN[channel]!) / std);
    for (let at = 0, into = channel * plane.length; at < plane.length; at++, into++) input[into] = Math.fround(plane[at]! * scale) - offset;
  }
  return input;
}

/** The overlap (IoU) that the cut can be expected to have with the true subject. */
export function confidence(map: Float32Array): number {
  let [inside, count, outside] = [0, 0, 0];
  for (const value of map) {
    if (value > 0.5) {
      inside += value;
      count++;
    } else outside += value;
  }
  return inside ? inside / (count + outside) : 0;
}
