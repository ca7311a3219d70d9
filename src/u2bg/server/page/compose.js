// A cut-out and a look become a picture. A look is {ground, colour, blur, picture, file, crop, margin, format}:
//   ground: "none", "#rrggbb", "colour", "blur" or "picture"; blur: 1..6; margin: percent of the subject's larger side.
// A photo is {before, after, width, height, box}: it has the pixels of width × height, the bitmaps may have fewer.

export const TYPES = { png: "image/png", webp: "image/webp", jpg: "image/jpeg" };

// Draw on a canvas, at most `most` pixels a side. Returns the part of the photo that is shown, {x, y, width, height}.
export function draw(canvas, picture, look, most = Infinity) {
  const box = look.crop ? around(picture, look.margin) : whole(picture);
  const scale = Math.min(1, most / Math.max(box.width, box.height));
  canvas.width = Math.max(1, Math.round(box.width * scale));
  canvas.height = Math.max(1, Math.round(box.height * scale));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  const put = (image) => part(pen, image, picture, box);
  const colour = look.ground === "colour" ? look.colour : look.ground;
  if (colour.startsWith("#")) {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, canvas.width, canvas.height);
  } else if (colour === "none" && look.format === "jpg") {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
  } else if (colour === "blur" && picture.before) {
    put(blurred(picture, look.blur));
  } else if (colour === "picture" && look.picture) {
    cover(pen, look.picture, canvas);
  }
  put(picture.after);
  return box;
}

// The box of a photo, as a bitmap of any size has it, over the whole canvas.
export function part(pen, image, { width }, box) {
  const scale = image.width / width;
  const [x, y, across, down] = [box.x, box.y, box.width, box.height].map((side) => side * scale);
  pen.drawImage(image, x, y, across, down, 0, 0, pen.canvas.width, pen.canvas.height);
}

function whole(picture) {
  return { x: 0, y: 0, width: picture.width, height: picture.height };
}

// The subject's box and a margin, within the photo.
function around(picture, margin) {
  const box = (picture.box ??= subject(picture));
  const extra = (margin / 100) * Math.max(box.width, box.height);
  const x = Math.max(0, Math.floor(box.x - extra));
  const y = Math.max(0, Math.floor(box.y - extra));
  const right = Math.min(picture.width, Math.ceil(box.x + box.width + extra));
  const bottom = Math.min(picture.height, Math.ceil(box.y + box.height + extra));
  return { x, y, width: right - x, height: bottom - y };
}

// The box of all that is not transparent, found on a small copy.
function subject(picture) {
  const scale = Math.min(1, 512 / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.ceil(picture.width * scale), Math.ceil(picture.height * scale));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture.after, 0, 0, canvas.width, canvas.height);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  let [left, top, right, bottom] = [canvas.width, canvas.height, 0, 0];
  for (let y = 0, at = 3; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++, at += 4) {
      if (pixels[at] < 8) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = y + 1;
    }
  }
  if (right <= left) return whole(picture);
  return { x: left / scale, y: top / scale, width: (right - left) / scale, height: (bottom - top) / scale };
}

// The photo without its subject, blurred: halved again and again, then laid over each other from the coarsest, so that
// the hole is filled from around and the subject's colours do not glow through. `strength` says where to stop.
function blurred(picture, strength) {
  if (picture.blurred?.strength === strength) return picture.blurred.canvas;
  const levels = [];
  let [width, height] = [picture.width, picture.height];
  const fit = Math.min(1, 1024 / Math.max(width, height));
  [width, height] = [Math.round(width * fit), Math.round(height * fit)];
  while (width > 2 && height > 2) {
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext("2d");
    if (levels.length === 0) {
      pen.drawImage(picture.before, 0, 0, width, height);
      pen.globalCompositeOperation = "destination-out";
      pen.drawImage(picture.after, 0, 0, width, height);
    } else {
      pen.drawImage(levels.at(-1), 0, 0, width, height);
    }
    levels.push(canvas);
    [width, height] = [width >> 1, height >> 1];
  }
  let filled = levels.pop();
  for (let level = levels.length - 1; level >= 0; level--) {
    const canvas = levels[level];
    const next = new OffscreenCanvas(canvas.width, canvas.height);
    const pen = next.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(filled, 0, 0, canvas.width, canvas.height);
    if (level >= strength) {
      for (let layer = 0; layer < 2; layer++) pen.drawImage(canvas, 0, 0);
    }
    filled = next;
  }
  picture.blurred = { strength, canvas: filled };
  return filled;
}

function cover(pen, image, canvas) {
  const scale = Math.max(canvas.width / image.width, canvas.height / image.height);
  const [width, height] = [canvas.width / scale, canvas.height / scale];
  pen.drawImage(image, (image.width - width) / 2, (image.height - height) / 2, width, height, 0, 0, canvas.width, canvas.height);
}
