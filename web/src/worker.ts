// The worker: one photo after the other, off the page's thread. What it hears and says is told in `messages.ts`.

import { Engine, GraphicsLost, line, type Progress, type Wanted } from "./engine.js";
import type { Answer, Request } from "./messages.js";
import { cut } from "./pipeline.js";
import { Decoded, mask, Refused } from "./reading.js";

let engine: { device: Wanted; started: Promise<Engine> } | null = null;
let last: Promise<unknown> = Promise.resolve();
const stopped = new Set<number>();

const say = (answer: Answer, handed: Transferable[] = []) => postMessage(answer, handed);

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.kind === "stop") stopped.add(data.id);
  else last = last.then(() => serve(data));
});

async function serve(request: Exclude<Request, { kind: "stop" }>): Promise<void> {
  const { id, device } = request;
  try {
    if (request.kind === "start") {
      const { how } = await ready(device);
      say({ kind: "started", id, how });
    } else {
      const drawn = await remove(request);
      // Bytes, handed over: a Blob would stay in memory until this worker's garbage is collected, and that is seldom.
      say({ kind: "done", id, cut: drawn }, drawn.png.map(({ buffer }) => buffer));
    }
  } catch (error) {
    if (error instanceof GraphicsLost) say({ kind: "lost" });
    else say({ kind: "failed", id, message: error instanceof Refused ? error.message : explained(error) });
  } finally {
    stopped.delete(id);
  }
}

async function remove({ id, device, blob, keep, erase }: Extract<Request, { kind: "cut" }>) {
  const progress = teller(id);
  progress("Reading", null);
  const photo = await Decoded.open(blob);
  try {
    const network = await ready(device);
    const hints = { keep: await mask(keep, photo), erase: await mask(erase, photo) };
    return await cut(photo, hints, network.run.bind(network), progress, () => rest(id));
  } finally {
    photo.close();
  }
}

function ready(device: Wanted): Promise<Engine> {
  if (engine?.device !== device) engine = { device, started: Engine.start(device, starting) };
  const { started } = engine;
  // A start that failed, for want of a connection say, is tried again the next time.
  started.catch(() => (engine = null));
  return started;
}

const starting: Progress = (words, share) => say({ kind: "starting", words, share });
const teller = (id: number): Progress => (words, share) => say({ kind: "progress", id, words, share });

/** Hear what came in meanwhile. */
async function rest(id: number): Promise<void> {
  await new Promise<void>((go) => {
    channel.port1.onmessage = () => go();
    channel.port2.postMessage(null);
  });
  if (stopped.has(id)) throw new Refused("stopped");
}
const channel = new MessageChannel();

function explained(error: unknown): string {
  const said = line(error);
  return /memory|allocation|RangeError/i.test(`${(error as Error)?.name} ${said}`)
    ? "There is not enough memory for this picture. Close other tabs, or make it smaller first."
    : `This picture cannot be cut: ${said}`;
}
