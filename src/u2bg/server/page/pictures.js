// The photos of this page and the work on them: a list that tells when one changes, and at most two jobs at a time.

import { masks, open } from "./studio.js";

const AT_ONCE = 2;

export class Pictures extends EventTarget {
  constructor(backend) {
    super();
    this.backend = backend;
    this.list = [];
    this.running = 0;
  }

  // A photo from a file: cut as soon as there is room.
  add(file) {
    const picture = {
      id: crypto.randomUUID?.() ?? String(Math.random()),
      name: file.name || "photo",
      file,
      strokes: [],
      state: "waiting", // "waiting", "working", "done" or "failed"
      words: "Waiting",
      share: null,
    };
    this.list.push(picture);
    this.#changed(picture);
    this.#next();
    return picture;
  }

  // Cut it again: after a stroke, or a failure.
  again(picture) {
    picture.stop?.abort();
    picture.state = "waiting";
    picture.words = "Waiting";
    this.#changed(picture);
    this.#next();
  }

  remove(picture) {
    picture.stop?.abort();
    this.list.splice(this.list.indexOf(picture), 1);
    picture.gone = true;
    picture.before?.close();
    picture.after?.close();
    this.#changed(picture);
  }

  #next() {
    while (this.running < AT_ONCE) {
      const picture = this.list.find((one) => one.state === "waiting");
      if (!picture) return;
      this.#work(picture);
    }
  }

  async #work(picture) {
    this.running++;
    const stop = (picture.stop = new AbortController());
    picture.state = "working";
    this.#tell(picture, "Reading", null);
    try {
      await this.#read(picture);
      const said = picture.strokes.length ? await masks(picture.strokes, picture.width, picture.height) : {};
      const result = await this.backend.removeBackground(picture.file, {
        ...said,
        signal: stop.signal,
        progress: (words, share) => this.#tell(picture, words, share),
      });
      const { bitmap: after, width, height } = await open(result.cutout);
      if (stop.signal.aborted) return after.close();
      picture.after?.close();
      Object.assign(picture, result, { after, width, height, box: null, blurred: null });
      picture.state = "done";
      picture.words = result.subject ? "Done" : "No subject was found";
    } catch (error) {
      if (stop.signal.aborted) return;
      picture.state = "failed";
      picture.words = error.message || "Something broke";
    } finally {
      this.running--;
      if (picture.stop === stop) this.#changed(picture);
      this.#next();
    }
  }

  // The photo as the browser shows it: upright, small. What only the back end can read has none.
  async #read(picture) {
    if (picture.before !== undefined) return;
    try {
      const { bitmap: before, width, height } = await open(picture.file);
      if (picture.gone) return before.close();
      Object.assign(picture, { before, width, height });
    } catch {
      picture.before = null;
    }
    this.#changed(picture);
  }

  #tell(picture, words, share) {
    picture.words = words;
    picture.share = share;
    this.#changed(picture, "progress");
  }

  #changed(picture, kind = "change") {
    this.dispatchEvent(new CustomEvent(kind, { detail: picture }));
  }
}
