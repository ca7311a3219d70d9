// The page: what comes in, what is chosen, what goes out. It knows no server: see backend.js.

import * as backend from "./backend.js";
import { Pictures } from "./pictures.js";
import { Stage } from "./stage.js";
import { encode, open } from "./studio.js";
import { zip } from "./zip.js";

const by = (id) => document.getElementById(id);
const pictures = new Pictures(backend);
const stage = new Stage();
const look = { ground: "none", colour: by("colour").value, blur: 4, picture: null, file: null, crop: false, margin: 4, format: "png" };
let chosen = null;

by("privacy").textContent = backend.about;
for (const [words, href] of backend.links) {
  by("theme").before(Object.assign(document.createElement("a"), { textContent: words, href, className: "quiet" }));
}

// ── in ──────────────────────────────────────────────────────────────────────

function take(files) {
  const photos = [...files].filter((file) => file.type.startsWith("image/") || file.type === "");
  if (files.length && !photos.length) say("That is no picture.");
  const added = photos.map((file) => pictures.add(file));
  if (added.length) choose(added[0]);
}

for (const id of ["choose", "more"]) by(id).addEventListener("click", () => by("files").click());
by("files").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = "";
});
document.addEventListener("paste", (event) => take(event.clipboardData.files));
let inside = 0;
document.addEventListener("dragenter", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  inside++;
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => {
  inside = Math.max(0, inside - 1);
  document.body.classList.toggle("dropping", inside > 0);
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  inside = 0;
  document.body.classList.remove("dropping");
  take(event.dataTransfer.files);
});

// ── the photos ──────────────────────────────────────────────────────────────

pictures.addEventListener("change", ({ detail }) => {
  if (!pictures.list.includes(chosen)) chosen = pictures.list.at(-1) ?? null;
  list();
  if (detail === chosen || !chosen) render();
  buttons();
  if (detail.state === "done" || detail.state === "failed") say(`${detail.name}: ${detail.words}`);
});
pictures.addEventListener("progress", ({ detail }) => {
  if (detail === chosen) veil();
});

function choose(picture) {
  chosen = picture;
  list();
  render();
}

function list() {
  const work = pictures.list.length > 0;
  document.body.dataset.view = work ? "work" : "empty";
  by("work").hidden = !work;
  by("welcome").hidden = work;
  for (const old of [...by("pictures").children]) {
    if (!pictures.list.some((picture) => picture.id === old.dataset.id)) old.remove();
  }
  for (const picture of pictures.list) {
    const row = [...by("pictures").children].find((one) => one.dataset.id === picture.id) ?? thumbnail(picture);
    const button = row.querySelector(".thumb");
    row.dataset.state = picture.state;
    button.setAttribute("aria-current", picture === chosen);
    button.setAttribute("aria-label", `${picture.name}: ${picture.words}`);
    const bitmap = picture.after ?? picture.before;
    if (bitmap && row.shown !== bitmap) {
      row.shown = bitmap;
      const canvas = row.querySelector("canvas");
      const side = 144 / Math.min(bitmap.width, bitmap.height);
      Object.assign(canvas, { width: 144, height: 144 });
      const [width, height] = [bitmap.width * side, bitmap.height * side];
      canvas.getContext("2d").drawImage(bitmap, (144 - width) / 2, (144 - height) / 2, width, height);
    }
  }
}

function thumbnail(picture) {
  const row = document.createElement("li");
  row.dataset.id = picture.id;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "thumb" });
  button.append(document.createElement("canvas"));
  button.addEventListener("click", () => choose(picture));
  button.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") pictures.remove(picture);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step && by("pictures").children[pictures.list.indexOf(picture) + step];
    next?.querySelector(".thumb").focus();
    if (next) choose(pictures.list.find((one) => one.id === next.dataset.id));
  });
  const close = Object.assign(document.createElement("button"), { type: "button", className: "close", textContent: "×" });
  close.setAttribute("aria-label", `Take ${picture.name} away`);
  close.addEventListener("click", () => pictures.remove(picture));
  row.append(button, close);
  by("pictures").append(row);
  return row;
}

// ── the view ────────────────────────────────────────────────────────────────

function render() {
  if (!chosen) return;
  stage.render(chosen, look);
  veil();
  by("undo").disabled = !chosen.strokes.length;
  for (const id of ["keep", "erase"]) by(id).disabled = !chosen.width || !chosen.before;
}

// What is going on, over the photo.
function veil() {
  const { state, share, words } = chosen;
  by("veil").hidden = state === "done";
  by("veil").dataset.state = state;
  by("veil-text").textContent = share === null || state !== "working" ? words : `${words} ${Math.round(100 * share)} %`;
  by("retry").hidden = state !== "failed";
}

by("retry").addEventListener("click", () => pictures.again(chosen));

const when = { colour: () => look.ground === "colour", blur: () => look.ground === "blur", picture: () => look.ground === "picture", brush: () => stage.mode, crop: () => look.crop };

function changed() {
  for (const row of document.querySelectorAll("[data-for]")) row.hidden = !when[row.dataset.for]();
  render();
}

by("panel").addEventListener("input", () => {
  look.ground = document.querySelector("input[name=ground]:checked").value;
  look.format = document.querySelector("input[name=format]:checked").value;
  look.colour = by("colour").value;
  look.blur = Number(by("blur").value);
  look.crop = by("crop").checked;
  look.margin = Number(by("margin").value);
  stage.brushSize = Number(by("brush-size").value);
  document.documentElement.style.setProperty("--picked", look.colour);
  changed();
});
by("panel").addEventListener("submit", (event) => event.preventDefault());
document.querySelector("input[name=ground][value=picture]").addEventListener("click", () => look.picture || by("ground-file").click());
by("choose-ground").addEventListener("click", () => by("ground-file").click());
by("ground-file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  try {
    look.picture = (await open(file)).bitmap;
    look.file = file;
    by("ground-name").textContent = file.name;
    changed();
  } catch {
    say("That picture cannot be read here.");
  }
});

// ── the brush ───────────────────────────────────────────────────────────────

for (const kind of ["keep", "erase"]) {
  by(kind).addEventListener("click", () => {
    stage.mode = stage.mode === kind ? null : kind;
    for (const other of ["keep", "erase"]) by(other).setAttribute("aria-pressed", stage.mode === other);
    changed();
  });
}
let solving = 0;
function solve() {
  by("undo").disabled = !chosen.strokes.length;
  const picture = chosen;
  clearTimeout(solving);
  solving = setTimeout(() => pictures.again(picture), 350);
}
stage.addEventListener("stroke", solve);
by("undo").addEventListener("click", () => {
  chosen.strokes.pop();
  render();
  solve();
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && chosen?.strokes.length) {
    event.preventDefault();
    by("undo").click();
  }
  if (event.key === "Escape" && stage.mode) by(stage.mode).click();
});

// ── out ─────────────────────────────────────────────────────────────────────

function buttons() {
  const done = pictures.list.filter((picture) => picture.after);
  by("download").disabled = !chosen?.after;
  by("copy").disabled = !chosen?.after || !navigator.clipboard?.write || !window.ClipboardItem;
  by("download-all").disabled = done.length < 2;
}

const fileName = (picture) => `${picture.name.replace(/\.\w+$/, "")}.cutout.${look.format}`;

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    say(error.message);
  }
}

by("download").addEventListener("click", () => attempt(async () => save(await encode(chosen, look), fileName(chosen))));
by("copy").addEventListener("click", () =>
  attempt(async () => {
    const png = encode(chosen, { ...look, format: "png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    say("Copied.");
  }),
);
by("download-all").addEventListener("click", () =>
  attempt(async () => {
    const files = [];
    for (const picture of pictures.list.filter((one) => one.after)) {
      say(`Packing ${files.length + 1}`);
      files.push({ name: fileName(picture), blob: await encode(picture, look) });
    }
    save(await zip(files), "cutouts.zip");
    say("Packed.");
  }),
);

let quiet = 0;
function say(words) {
  by("status").textContent = words;
  by("status").classList.add("shown");
  clearTimeout(quiet);
  quiet = setTimeout(() => by("status").classList.remove("shown"), 4000);
}

// ── light and dark ──────────────────────────────────────────────────────────

const dark = matchMedia("(prefers-color-scheme: dark)");
function theme(name) {
  document.documentElement.dataset.theme = name;
}
theme(localStorage.getItem("u2bg-theme") ?? (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => localStorage.getItem("u2bg-theme") ?? theme(dark.matches ? "dark" : "light"));
by("theme").addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("u2bg-theme", next);
  theme(next);
});
