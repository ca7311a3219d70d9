// Work at a photo's full size, done by a worker: promises of what `full_size.js` answers.

const waiting = new Map();
let worker = null;
let count = 0;

// A worker that has nothing to do is ended in a while, and at once after so many jobs: no sooner does the browser give
// back the pictures that it was shown.
const IDLE_MS = 5000;
const MOST_JOBS = 20;
let idle = 0;
let done = 0;

function ask(job, given) {
  clearTimeout(idle);
  worker ??= start();
  const id = ++count;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, job, ...given });
  });
}

function start() {
  done = 0;
  const started = new Worker(new URL("./full_size.js", import.meta.url), { type: "module" });
  started.onmessage = ({ data: { id, answer, message } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    done++;
    if (!waiting.size) idle = setTimeout(end, done < MOST_JOBS ? IDLE_MS : 0);
    if (answer) resolve(answer);
    else reject(new Error(message));
  };
  started.onerror = () => {
    end();
    for (const { reject } of waiting.values()) reject(new Error("This browser has no room for so large a picture."));
    waiting.clear();
  };
  return started;
}

function end() {
  worker?.terminate();
  worker = null;
}

// {bitmap, width, height}: a small picture of it, and its own size. Rejects where the browser cannot read it.
export const open = (blob) => ask("open", { blob });

// {keep, erase}: see `masks` in brush.js.
export const masks = (strokes, width, height) => ask("masks", { strokes, width, height });

// The picture as a file. Where nothing was asked for but the cut-out, it is the back end's own bytes.
export async function encode({ file, cutout, box }, { picture, ...look }) {
  if (look.ground === "none" && !look.crop && look.format === "png") return cutout;
  return ask("encode", { photo: file, cutout, box, look }).catch(() => {
    throw new Error("This browser cannot make so large a picture.");
  });
}
