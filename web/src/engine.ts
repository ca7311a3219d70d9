// The network in ONNX Runtime: on WebGPU where there is a graphics card, else in WebAssembly, on as many threads as the
// page may have. Their large files come from beside this one, compressed, so that no host has to do it.

import type * as Ort from "onnxruntime-web";
import { Refused } from "./reading.js";

/** `auto` takes WebGPU where there is a graphics card, and goes on without where that fails. */
export type Device = "auto" | "webgpu" | "wasm";

/** `lost`: there was a graphics card, and it is gone. What was fetched for it runs without it too. */
export type Wanted = Device | "lost";

/** The graphics card failed. Nothing more is to be asked of this worker: what it still waits for may never come. */
export class GraphicsLost extends Error {}

/** What is being waited for, and how far it is: a share in 0..1, or null where nobody knows. */
export type Progress = (words: string, share: number | null) => void;

/** Bytes of the files that are fetched, written by the build. */
declare const SIZES: Record<string, number>;

const RUNTIMES = {
  wasm: {
    load: () => import("onnxruntime-web/wasm"),
    script: () => new URL("./ort/ort-wasm-simd-threaded.mjs", import.meta.url),
    binary: () => new URL("./ort/ort-wasm-simd-threaded.wasm.gz", import.meta.url),
    model: () => new URL("./lite.onnx.gz", import.meta.url),
  },
  webgpu: {
    load: () => import("onnxruntime-web/webgpu"),
    script: () => new URL("./ort/ort-wasm-simd-threaded.asyncify.mjs", import.meta.url),
    binary: () => new URL("./ort/ort-wasm-simd-threaded.asyncify.wasm.gz", import.meta.url),
    model: () => new URL("./lite-float.onnx.gz", import.meta.url), // a card gains nothing from 8 bits
  },
};
const MOST_THREADS = 8;

export class Engine {
  private constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    private readonly kind: "webgpu" | "wasm",
  ) {}

  /** Raises: Refused, where this browser cannot run it at all, or the files cannot be had. GraphicsLost. */
  static async start(wanted: Wanted, progress: Progress): Promise<Engine> {
    if (typeof WebAssembly !== "object" || typeof CompressionStream !== "function") {
      throw new Refused("This browser is too old: it lacks WebAssembly or compressed streams.");
    }
    const kind = (wanted === "auto" || wanted === "webgpu") && (await hasGraphicsCard(wanted)) ? "webgpu" : "wasm";
    const runtime = RUNTIMES[wanted === "lost" ? "webgpu" : kind];
    const [binary, model] = await fetched([runtime.binary(), runtime.model()], progress);
    const ort = (await runtime.load()) as typeof Ort;
    ort.env.logLevel = "error";
    ort.env.wasm.wasmPaths = { mjs: runtime.script().href };
    ort.env.wasm.wasmBinary = binary!.buffer as ArrayBuffer;
    ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS) : 1;
    progress("Starting the network", null);
    try {
      const session = await ort.InferenceSession.create(model!, { executionProviders: [kind], logSeverityLevel: 3 });
      delete ort.env.wasm.wasmBinary;
      return new Engine(ort, session, kind);
    } catch (error) {
      if (kind === "webgpu") throw new GraphicsLost();
      throw new Refused(`The network cannot be started in this browser: ${line(error)}`);
    }
  }

  /** How the network runs: `webgpu`, or `wasm` and the threads. */
  get how(): string {
    return this.kind === "webgpu" ? "webgpu" : `wasm, ${this.ort.env.wasm.numThreads} threads`;
  }

  /** (1, 3, height, width) to (height × width). Raises: GraphicsLost. */
  async run(input: Float32Array, width: number, height: number): Promise<Float32Array> {
    if (this.kind === "wasm") return this.#run(input, width, height);
    try {
      return await Promise.race([this.#run(input, width, height), this.#lost()]);
    } catch {
      throw new GraphicsLost();
    }
  }

  async #run(input: Float32Array, width: number, height: number): Promise<Float32Array> {
    const [name] = this.session.inputNames;
    const tensor = new this.ort.Tensor("float32", input, [1, 3, height, width]);
    const maps = await this.session.run({ [name!]: tensor }, [this.session.outputNames[0]!]);
    const [map] = Object.values(maps);
    const level = Float32Array.from(map!.data as Float32Array);
    map!.dispose();
    tensor.dispose();
    return level;
  }

  /** Never, unless the graphics card is taken away: then a run may never end by itself. */
  async #lost(): Promise<never> {
    const card = await (this.ort.env.webgpu.device as unknown as Promise<{ lost: Promise<{ message: string }> }>);
    throw new Error((await card.lost).message);
  }
}

/** A graphics card, not one that is drawn by the processor: that is slower than WebAssembly. */
async function hasGraphicsCard(wanted: Wanted): Promise<boolean> {
  try {
    const gpu = (navigator as { gpu?: { requestAdapter(): Promise<{ info?: { isFallbackAdapter?: boolean } } | null> } }).gpu;
    const adapter = await gpu?.requestAdapter();
    return Boolean(adapter && (wanted === "webgpu" || !adapter.info?.isFallbackAdapter));
  } catch {
    return false;
  }
}

/** Files, side by side, told of as one download. */
async function fetched(urls: URL[], progress: Progress): Promise<Uint8Array[]> {
  const total = urls.reduce((sum, url) => sum + (SIZES[name(url)] ?? 0), 0);
  let done = 0;
  const tell = (bytes: number) => progress("Fetching the network", Math.min(1, (done += bytes) / total));
  return Promise.all(urls.map((url) => fetchOne(url, tell)));
}

const name = (url: URL) => url.pathname.split("/").at(-1)!;

async function fetchOne(url: URL, tell: (bytes: number) => void): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch {
    throw new Refused("The network's files cannot be fetched: there is no connection. Try again when there is one.");
  }
  if (!response.ok || !response.body) throw new Refused(`The network's files cannot be fetched: ${name(url)} answered ${response.status}.`);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = response.body.getReader();
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      parts.push(value!);
      tell(value!.length);
    }
  } catch {
    throw new Refused("The connection broke while the network's files were fetched. Try again.");
  }
  const blob = new Blob(parts);
  const start = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  // A host may have unpacked it on the way.
  const packed = start[0] === 0x1f && start[1] === 0x8b;
  const stream = packed ? blob.stream().pipeThrough(new DecompressionStream("gzip")) : blob.stream();
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export const line = (error: unknown) => String((error as Error)?.message ?? error).split("\n", 1)[0]!;
