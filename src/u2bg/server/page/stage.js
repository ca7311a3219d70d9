// The large view of one photo: before and after with a slider between them, or the brush.

import { draw, part } from "./compose.js";
import { show } from "./brush.js";

const by = (id) => document.getElementById(id);

export class Stage extends EventTarget {
  constructor() {
    super();
    this.mode = null; // or "keep", "erase"
    this.brushSize = 30;
    this.picture = null;
    this.look = null;
    this.box = null;
    new ResizeObserver(() => this.picture && !this.picture.gone && this.render(this.picture, this.look)).observe(by("stage"));
    by("split").addEventListener("input", () => this.#split());
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      by("strokes").addEventListener(kind, (event) => this.#pointer(event));
    }
  }

  // Draw the photo with this look; null where there is nothing to show yet.
  render(picture, look) {
    Object.assign(this, { picture, look });
    const frame = by("frame");
    frame.hidden = !picture?.after && !picture?.before;
    if (frame.hidden) return;
    const { clientWidth, clientHeight } = by("stage");
    const most = Math.ceil(Math.max(256, clientWidth, clientHeight) * Math.min(2, devicePixelRatio));
    const painting = Boolean(this.mode);
    by("stage").dataset.mode = painting ? "paint" : "compare";
    by("stage").dataset.ground = look.ground;
    if (picture.after) {
      // One paints on the whole photo, whatever the crop.
      this.box = draw(by("after"), picture, painting ? { ...look, crop: false, ground: "none", format: "png" } : look, most);
    } else {
      this.box = { x: 0, y: 0, width: picture.width, height: picture.height };
      const scale = Math.min(1, most / Math.max(picture.width, picture.height));
      Object.assign(by("after"), { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
    }
    const { width, height } = by("after");
    Object.assign(by("before"), { width, height });
    if (picture.before) {
      part(by("before").getContext("2d"), picture.before, picture, this.box);
    }
    frame.style.setProperty("--shape", `${width} / ${height}`);
    frame.style.setProperty("--wide", width / height);
    frame.classList.toggle("alone", !picture.before || !picture.after);
    this.#strokes();
    this.#split();
  }

  #split() {
    const value = Number(by("split").value);
    by("frame").style.setProperty("--split", `${value}%`);
    by("split").setAttribute("aria-valuetext", `${Math.round(value)} % before`);
  }

  #strokes() {
    const { width, height } = by("after");
    show(by("strokes"), this.mode ? this.picture.strokes : [], this.box, width, height);
  }

  #pointer(event) {
    if (!this.mode || !this.picture?.width) return;
    const canvas = by("strokes");
    if (event.type === "pointerdown" && event.button === 0) {
      canvas.setPointerCapture(event.pointerId);
      const radius = (this.brushSize / 100) * 0.12 * Math.max(this.picture.width, this.picture.height) + 1;
      this.stroke = { kind: this.mode, radius, points: [] };
      this.picture.strokes.push(this.stroke);
    }
    if (!this.stroke) return;
    event.preventDefault();
    const place = canvas.getBoundingClientRect();
    for (const one of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      this.stroke.points.push({
        x: this.box.x + ((one.clientX - place.left) / place.width) * this.box.width,
        y: this.box.y + ((one.clientY - place.top) / place.height) * this.box.height,
      });
    }
    this.#strokes();
    if (event.type === "pointerup" || event.type === "pointercancel") {
      this.stroke = null;
      this.dispatchEvent(new Event("stroke"));
    }
  }
}
