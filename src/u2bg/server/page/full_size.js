// A worker: everything that goes through a photo at its full size, so that the page never waits for it. See `studio.js`.

import { draw, TYPES } from "./compose.js";
import { masks } from "./brush.js";

const MOST = 2048; // of what is shown on the page

const jobs = {
  // A picture small enough to be shown, and the size that it has.
  async open({ blob }) {
    const whole = await createImageBitmap(blob);
    const { width, height } = whole;
    const scale = Math.min(1, MOST / Math.max(width, height));
    if (scale === 1) return { bitmap: whole, width, height };
    const small = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    const canvas = new OffscreenCanvas(...small);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(whole, 0, 0, ...small);
    whole.close();
    return { bitmap: canvas.transferToImageBitmap(), width, height };
  },

  // A photo, its cut-out and a look to a file.
  async encode({ photo, cutout, box, look }) {
    const after = await createImageBitmap(cutout);
    const before = look.ground === "blur" ? await createImageBitmap(photo).catch(() => null) : null;
    const behind = look.ground === "picture" && look.file ? await createImageBitmap(look.file) : null;
    const canvas = new OffscreenCanvas(1, 1);
    draw(canvas, { before, after, width: after.width, height: after.height, box }, { ...look, picture: behind });
    for (const bitmap of [before, after, behind]) bitmap?.close();
    return canvas.convertToBlob({ type: TYPES[look.format], quality: 0.92 });
  },

  masks: ({ strokes, width, height }) => masks(strokes, width, height),
};

addEventListener("message", async ({ data: { id, job, ...given } }) => {
  try {
    const answer = await jobs[job](given);
    postMessage({ id, answer }, answer.bitmap ? [answer.bitmap] : []);
  } catch (error) {
    postMessage({ id, message: error.message });
  }
});
