// u2bg in the browser: a photo goes in, a clean cut-out comes out, and neither leaves the device.

import type { Device, Progress } from "./engine.js";
import type { Answer, Request } from "./messages.js";

export type { Device, Progress };

export interface Cut {
  /** A PNG of the photo's size, with straight alpha. */
  cutout: Blob;
  /** Whether there is something to cut out. */
  subject: boolean;
  /** How sure that is, in 0..1. */
  confidence: number;
}

export interface Options {
  /** Hears what is going on: words for people, and a share in 0..1 or null. */
  progress?: Progress;
  /** Stops the work; the promise is rejected with an `AbortError`. */
  signal?: AbortSignal;
  /** A picture of the photo's size, white where it is surely subject. */
  keep?: Blob | null;
  /** The same for what is surely background. */
  erase?: Blob | null;
  /** What runs the network: `auto` (the default), `webgpu` or `wasm`. */
  device?: Device;
}

/** Cut the subject out of a photo: a PNG of the photo's size, with straight alpha. */
export async function removeBackground(photo: Blob, options: Options = {}): Promise<Blob> {
  return (await cutOut(photo, options)).cutout;
}

/** The same, and what is known of it: whether there is a subject, and how sure that is. */
export async function cutOut(photo: Blob, { progress, signal, keep, erase, device = "auto" }: Options = {}): Promise<Cut> {
  const answer = await ask({ kind: "cut", device, blob: photo, keep: keep ?? null, erase: erase ?? null }, progress, signal);
  const { png, ...known } = (answer as Extract<Answer, { kind: "done" }>).cut;
  return { cutout: new Blob(png, { type: "image/png" }), ...known };
}

/** Fetch and start the network before it is needed. Returns how it runs: `webgpu`, or `wasm` and the threads. */
export async function preload({ progress, signal, device = "auto" }: Pick<Options, "progress" | "signal" | "device"> = {}): Promise<string> {
  const answer = await ask({ kind: "start", device }, progress, signal);
  return (answer as Extract<Answer, { kind: "started" }>).how;
}

/** End the worker and give back all of its memory. The next call starts it again. */
export function release(): void {
  fail("The work was ended.");
}

interface Waiting {
  request: Request & { kind: "start" | "cut" };
  progress: Progress | undefined;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

let worker: Worker | null = null;
let count = 0;
let lost = false;
const waiting = new Map<number, Waiting>();

type Bare<Kind> = Kind extends { id: number } ? Omit<Kind, "id"> : never;

function ask(request: Bare<Exclude<Request, { kind: "stop" }>>, progress?: Progress, signal?: AbortSignal): Promise<Answer> {
  signal?.throwIfAborted();
  const id = ++count;
  return new Promise((resolve, reject) => {
    const stop = () => {
      waiting.delete(id);
      worker?.postMessage({ kind: "stop", id } satisfies Request);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
    const end =
      <Value>(settle: (value: Value) => void) =>
      (value: Value) => {
        signal?.removeEventListener("abort", stop);
        waiting.delete(id);
        settle(value);
      };
    const sent = { ...request, id } as Waiting["request"];
    waiting.set(id, { request: sent, progress, resolve: end(resolve), reject: end(reject) });
    send(sent);
  });
}

function send(request: Waiting["request"]): void {
  const device = lost && request.device !== "wasm" ? "lost" : request.device;
  (worker ??= start()).postMessage({ ...request, device });
}

function start(): Worker {
  const started = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "u2bg" });
  started.onmessage = ({ data }: MessageEvent<Answer>) => {
    const one = "id" in data ? waiting.get(data.id) : undefined;
    if (data.kind === "lost") again();
    else if (data.kind === "starting") for (const each of waiting.values()) each.progress?.(data.words, data.share);
    else if (data.kind === "progress") one?.progress?.(data.words, data.share);
    else if (data.kind === "failed") one?.reject(new Error(data.message));
    else one?.resolve(data);
  };
  started.onerror = (event) => {
    event.preventDefault();
    fail(`The worker broke: ${event.message || "its script cannot be fetched, or memory ran out"}. Try again.`);
  };
  return started;
}

/** The graphics card is gone: all that is waited for goes on without it. */
function again(): void {
  worker?.terminate();
  worker = null;
  lost = true;
  for (const { request } of waiting.values()) send(request);
}

/** Nobody waits for a worker that is gone. */
function fail(message: string): void {
  worker?.terminate();
  worker = null;
  for (const one of [...waiting.values()]) one.reject(new Error(message));
}
