// Builds web/dist: the module (dist/u2bg, what npm carries) and the page around it. `make web` runs it.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const MODULE = "dist/u2bg";
const MODELS = ["lite", "lite-float"]; // in 8 bits for processors, in floats for graphics cards
const PAGE = "../src/u2bg/server/page";
const RUNTIMES = ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"];
const SERVERS_OWN = /^(backend|api)\./; // its back end, and the description of its API

const ort = (file) => `node_modules/onnxruntime-web/dist/${file}`;

// The large files travel compressed, whatever the host does.
const sizes = {};
async function pack(from, to) {
  const packed = gzipSync(await readFile(from), { level: 9 });
  sizes[to.split("/").at(-1)] = packed.length;
  await writeFile(to, packed);
}

await rm("dist", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc"], { stdio: "inherit" }); // types, checked and written
await mkdir(`${MODULE}/ort`, { recursive: true });
for (const model of MODELS) await pack(`../src/u2bg/saliency/weights/${model}.onnx`, `${MODULE}/${model}.onnx.gz`);
for (const runtime of RUNTIMES) {
  await pack(ort(`${runtime}.wasm`), `${MODULE}/ort/${runtime}.wasm.gz`);
  await cp(ort(`${runtime}.mjs`), `${MODULE}/ort/${runtime}.mjs`);
}
await esbuild.build({
  entryPoints: ["src/index.ts", "src/worker.ts"],
  outdir: MODULE,
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: "es2022",
  conditions: ["onnxruntime-web-use-extern-wasm"],
  define: { SIZES: JSON.stringify(sizes) },
  legalComments: "linked",
  logLevel: "warning",
});
for (const [licence, name] of [["../LICENSE", "LICENSE"], ["../NOTICE", "NOTICE"], ["../LICENSES/Apache-2.0.txt", "Apache-2.0.txt"]]) {
  await cp(licence, `${MODULE}/${name}`);
}

// The page: the server's, with another back end.
await mkdir("dist/page", { recursive: true });
for (const name of await readdir(PAGE)) {
  if (SERVERS_OWN.test(name)) continue;
  await cp(`${PAGE}/${name}`, name === "index.html" ? "dist/index.html" : `dist/page/${name}`);
}
await cp("page/backend.js", "dist/page/backend.js");

// What the page needs before anything is cut; the worker's files join as they are fetched.
const shell = ["./", ...(await readdir("dist/page")).map((name) => `page/${name}`), "u2bg/index.js", "u2bg/worker.js"];
const content = await Promise.all(["dist/index.html", ...shell.slice(1).map((name) => `dist/${name}`), ...MODELS.map((model) => `${MODULE}/${model}.onnx.gz`)].map((path) => readFile(path)));
const version = createHash("sha256").update(Buffer.concat(content)).digest("hex").slice(0, 16);
const worker = await readFile("page/service-worker.js", "utf-8");
await writeFile("dist/service-worker.js", worker.replace('"VERSION"', JSON.stringify(version)).replace('["SHELL"]', JSON.stringify(shell)));
