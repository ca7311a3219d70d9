// Strokes of the brush: drawn over the photo while one paints, and turned into the two masks that a back end takes.
// A stroke is {kind: "keep" | "erase", radius, points: [{x, y}]}, in pixels of the photo.

const COLOURS = { keep: "rgb(20 184 166 / 60%)", erase: "rgb(244 63 94 / 60%)" };

// Show the strokes on a canvas that shows `box` of the photo.
export function show(canvas, strokes, box, width, height) {
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  pen.scale(width / box.width, height / box.height);
  pen.translate(-box.x, -box.y);
  for (const stroke of strokes) trace(pen, stroke, COLOURS[stroke.kind]);
}

// {keep, erase}: each a PNG blob of the photo's size, white where it is meant, or null where nothing was said.
// A later stroke has the last word, and no pixel is in both.
export async function masks(strokes, width, height) {
  const said = { keep: null, erase: null };
  const coverage = {};
  for (const kind of ["keep", "erase"]) {
    const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    for (const stroke of strokes) {
      pen.globalCompositeOperation = stroke.kind === kind ? "source-over" : "destination-out";
      trace(pen, stroke, "#fff");
    }
    coverage[kind] = { pen, data: pen.getImageData(0, 0, width, height) };
  }
  for (const kind of ["keep", "erase"]) {
    if (!strokes.some((stroke) => stroke.kind === kind)) continue;
    const { pen, data } = coverage[kind];
    const other = coverage.keep.data.data;
    const pixels = data.data;
    let any = false;
    for (let at = 0; at < pixels.length; at += 4) {
      const inside = pixels[at + 3] > 127 && (kind === "keep" || other[at + 3] <= 127);
      any ||= inside;
      // Alpha stays what the other kind compares with; the colours carry the mask.
      pixels[at] = pixels[at + 1] = pixels[at + 2] = inside ? 255 : 0;
    }
    if (!any) continue;
    const opaque = new ImageData(Uint8ClampedArray.from(pixels, (value, index) => (index % 4 === 3 ? 255 : value)), width, height);
    pen.putImageData(opaque, 0, 0);
    said[kind] = await pen.canvas.convertToBlob({ type: "image/png" });
  }
  return said;
}

function trace(pen, { radius, points }, colour) {
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 2 * radius;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(points[0].x, points[0].y);
  pen.lineTo(points[0].x + 0.01, points[0].y); // a line of no length is not drawn, and a click is one
  for (const { x, y } of points) pen.lineTo(x, y);
  pen.stroke();
}
