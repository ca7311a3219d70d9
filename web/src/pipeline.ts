// The way of a photo, from top to bottom: pipeline.py.

import type { Progress } from "./engine.js";
import { STRIP_PX } from "./grid.js";
import { refine } from "./matting/alpha.js";
import { estimate } from "./matting/foreground.js";
import { enforce, guide, type Hints } from "./matting/hints.js";
import { Blocks, overview, type Photo } from "./photo.js";
import { Png } from "./png.js";
import { confidence, predict, type Run, SUBJECT_CONFIDENCE } from "./predictor.js";

export interface Drawn {
  /** The cut-out, a PNG in parts. */
  png: Uint8Array<ArrayBuffer>[];
  subject: boolean;
  confidence: number;
}

/** `rest` is awaited between strips: others get their turn there, and it throws where nobody waits for the work. */
export async function cut(photo: Photo, hints: Hints, run: Run, progress: Progress, rest: () => Promise<void>): Promise<Drawn> {
  const { width, height } = photo;
  const pause = async (from: number, to: number, share: number) => {
    progress("Cutting", from + (to - from) * share);
    await rest();
  };
  await pause(0, 0, 0);
  const { blocks, transparent } = overview(photo);
  await pause(0.1, 0.1, 1);
  let map = await predict(blocks, run);
  if (hints.keep || hints.erase) map = guide(map, blocks, hints);
  const sure = confidence(map.planes[0]!);
  const mask = await refine(map, photo, blocks, (share) => pause(0.5, 0.65, share));
  enforce(mask, hints);

  const covered = new Blocks(width, height, 1);
  for (let y = 0; y < height; y++) covered.add(y, mask, y * width, 1);
  const colour = estimate(blocks, covered, mask);
  const png = new Png(width, height);
  for (let top = 0; top < height; top += STRIP_PX) {
    const rows = Math.min(STRIP_PX, height - top);
    const pixels = photo.read(0, top, width, rows);
    const own = transparent ? pixels.slice() : null;
    colour(pixels, top, rows);
    if (own) fade(pixels, own);
    await png.write(pixels, rows);
    await pause(0.7, 1, (top + rows) / height);
  }
  const kept = hints.keep?.some((value) => value > 0) ?? false;
  return { png: await png.finish(), subject: sure >= SUBJECT_CONFIDENCE || kept, confidence: sure };
}

/** What was transparent before stays so. */
function fade(pixels: Uint8ClampedArray, own: Uint8ClampedArray): void {
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = (pixels[at + 3] = Math.floor((pixels[at + 3]! * own[at + 3]!) / 255 + 0.5));
    if (!alpha) pixels[at] = pixels[at + 1] = pixels[at + 2] = 0;
  }
}
