// Small fields on the map's grid, and how they are enlarged: matting/grid.py and Pillow's resampling, in loops.

/** Planes of (height × width) floats, row by row. */
export interface Field {
  width: number;
  height: number;
  planes: Float32Array[];
}

export const STRIP_PX = 128;

type Kernel = { support: number; weight: (distance: number) => number };

export const BOX: Kernel = { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };
export const BILINEAR: Kernel = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };
/** Keys, 1981, with a = −1/2. */
export const BICUBIC: Kernel = {
  support: 2,
  weight: (x) => {
    const d = Math.abs(x);
    if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
    return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
  },
};

export function field(width: number, height: number, planes: number): Field {
  return { width, height, planes: Array.from({ length: planes }, () => new Float32Array(width * height)) };
}

/** For every target pixel of a line: where its taps begin, and their weights, `most` apiece. */
export interface Taps {
  most: number;
  first: Int32Array;
  weights: Float64Array;
}

/** Taps that take a line of `from` samples, of which the first `extent` are shown, to `to` pixels. */
export function taps(from: number, to: number, kernel: Kernel, extent = from): Taps {
  const scale = extent / to;
  const stretch = Math.max(scale, 1);
  const shrink = 1 / stretch;
  const support = kernel.support * stretch;
  const most = scale > 1 ? Math.ceil(support) * 2 + 1 : 2 * kernel.support; // enlarging, no more can count
  const first = new Int32Array(to);
  const weights = new Float64Array(to * most);
  for (let pixel = 0; pixel < to; pixel++) {
    const centre = (pixel + 0.5) * scale;
    const low = Math.max(0, Math.floor(centre - support + 0.5));
    const high = Math.min(from, Math.floor(centre + support + 0.5));
    let total = 0;
    for (let sample = low; sample < high; sample++) {
      const weight = kernel.weight((sample - centre + 0.5) * shrink);
      weights[pixel * most + sample - low] = weight;
      total += weight;
    }
    const share = total ? 1 / total : 0;
    for (let tap = 0; tap < high - low; tap++) weights[pixel * most + tap]! *= share;
    first[pixel] = Math.min(low, from - 1);
  }
  return { most, first, weights };
}

const FINE = 2 ** 22;

/**
 * A field at another size, along rows first. `bytes` is Pillow's arithmetic for pictures to the bit, with weights of 22
 * bits and bytes after each direction: a network in 8 bits makes much of little differences.
 */
export function resample(
  source: Field,
  width: number,
  height: number,
  kernel: Kernel,
  { bytes = false, extent = [source.width, source.height] }: { bytes?: boolean; extent?: [number, number] } = {},
): Field {
  const across = taps(source.width, width, kernel, extent[0]);
  const down = taps(source.height, height, kernel, extent[1]);
  if (bytes) for (const { weights } of [across, down]) weights.forEach((weight, at) => (weights[at] = Math.round(weight * FINE) / FINE));
  const settle = bytes ? (value: number) => Math.min(255, Math.max(0, Math.floor(value + 0.5))) : (value: number) => value;
  const planes = source.planes.map((plane) => {
    const wide = new Float32Array(width * source.height);
    for (let y = 0, at = 0; y < source.height; y++) {
      const row = y * source.width;
      for (let x = 0; x < width; x++, at++) {
        let sum = 0;
        const from = row + across.first[x]!;
        const own = x * across.most;
        for (let tap = 0; tap < across.most; tap++) {
          const weight = across.weights[own + tap]!;
          if (weight) sum += weight * plane[from + tap]!;
        }
        wide[at] = settle(sum);
      }
    }
    const result = new Float32Array(width * height);
    const sums = new Float64Array(width);
    for (let y = 0; y < height; y++) {
      sums.fill(0);
      for (let tap = 0; tap < down.most; tap++) {
        const weight = down.weights[y * down.most + tap]!;
        if (!weight) continue;
        const row = (down.first[y]! + tap) * width;
        for (let x = 0; x < width; x++) sums[x]! += weight * wide[row + x]!;
      }
      for (let x = 0; x < width; x++) result[y * width + x] = settle(sums[x]!);
    }
    return result;
  });
  return { width, height, planes };
}

export function resize(source: Field, width: number, height: number): Field {
  return resample(source, width, height, BILINEAR);
}

/** Mean over a square of side 2·radius + 1 around every cell; cells outside the grid count as 0. */
export function boxMean({ width, height, planes }: Field, radius: number): Field {
  const share = 1 / (2 * radius + 1) ** 2;
  const sums = new Float64Array(width + 2 * radius);
  return {
    width,
    height,
    planes: planes.map((plane) => {
      const means = new Float32Array(plane.length);
      for (let y = 0; y < height; y++) {
        sums.fill(0);
        for (let row = Math.max(0, y - radius); row <= Math.min(height - 1, y + radius); row++) {
          for (let x = 0; x < width; x++) sums[x + radius]! += plane[row * width + x]!;
        }
        for (let x = 0; x < width; x++) {
          let sum = 0;
          for (let tap = 0; tap <= 2 * radius; tap++) sum += sums[x + tap]!;
          means[y * width + x] = sum * share;
        }
      }
      return means;
    }),
  };
}

/** Highest (`Math.max`) or lowest value over a square of side 2·radius + 1, within the grid. */
export function windowed(plane: Float32Array, width: number, height: number, radius: number, pick: (a: number, b: number) => number) {
  const rows = new Float32Array(plane.length);
  const best = new Float32Array(plane.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let value = plane[y * width + x]!;
      for (let row = Math.max(0, y - radius); row <= Math.min(height - 1, y + radius); row++) value = pick(value, plane[row * width + x]!);
      rows[y * width + x] = value;
    }
    for (let x = 0; x < width; x++) {
      let value = rows[y * width + x]!;
      for (let column = Math.max(0, x - radius); column <= Math.min(width - 1, x + radius); column++) value = pick(value, rows[y * width + column]!);
      best[y * width + x] = value;
    }
  }
  return best;
}

/** Mean of 2×2 cells; an odd last row or column counts twice. */
export function halve(source: Field): Field {
  const [width, height] = [(source.width + 1) >> 1, (source.height + 1) >> 1];
  return {
    width,
    height,
    planes: source.planes.map((plane) => {
      const half = new Float32Array(width * height);
      for (let y = 0; y < height; y++) {
        const upper = 2 * y * source.width;
        const lower = Math.min(2 * y + 1, source.height - 1) * source.width;
        for (let x = 0; x < width; x++) {
          const left = 2 * x;
          const right = Math.min(left + 1, source.width - 1);
          half[y * width + x] = (plane[upper + left]! + plane[lower + left]! + plane[upper + right]! + plane[lower + right]!) / 4;
        }
      }
      return half;
    }),
  };
}

/** A rectangle of a field. */
export function crop(source: Field, left: number, top: number, width: number, height: number): Field {
  const planes = source.planes.map((plane) => {
    const part = new Float32Array(width * height);
    for (let y = 0; y < height; y++) {
      const from = (top + y) * source.width + left;
      part.set(plane.subarray(from, from + width), y * width);
    }
    return part;
  });
  return { width, height, planes };
}

/** The pixels [first, last) of a line of so many that lie over true cells, run by run. */
export function* runs(cells: ArrayLike<unknown>, pixels: number): Generator<[number, number]> {
  const count = cells.length;
  for (let cell = 0; cell < count; cell++) {
    if (!cells[cell]) continue;
    const start = cell;
    while (cell < count && cells[cell]) cell++;
    yield [Math.floor((start * pixels) / count), Math.ceil((cell * pixels) / count)];
  }
}

/** Which columns of cells are open anywhere in the pixel rows [top, bottom). */
export function openColumns(open: Uint8Array, width: number, height: number, top: number, bottom: number, pixels: number): Uint8Array {
  const columns = new Uint8Array(width);
  const last = Math.ceil((bottom * height) / pixels);
  for (let row = Math.floor((top * height) / pixels); row < last; row++) {
    for (let x = 0; x < width; x++) columns[x]! |= open[row * width + x]!;
  }
  return columns;
}

/** Reads a field at any pixel of a picture, as if it had been enlarged to its size whole: row by row. */
export class Reader {
  readonly #field: Field;
  readonly #down: Taps;
  readonly #across: Taps;
  readonly #rows: Float64Array[];

  constructor(source: Field, width: number, height: number, kernel: Kernel) {
    this.#field = source;
    this.#down = taps(source.height, height, kernel);
    this.#across = taps(source.width, width, kernel);
    this.#rows = source.planes.map(() => new Float64Array(source.width + this.#across.most));
  }

  /** Every plane at the pixels [left, left + out[0].length) of row y, into `out`. */
  read(y: number, left: number, out: Float32Array[], count: number): void {
    const { width, planes } = this.#field;
    const [down, across] = [this.#down, this.#across];
    const from = across.first[left]!;
    const to = Math.min(width, across.first[left + count - 1]! + across.most);
    for (const [index, plane] of planes.entries()) {
      const row = this.#rows[index]!;
      row.fill(0, from, to);
      for (let tap = 0; tap < down.most; tap++) {
        const weight = down.weights[y * down.most + tap]!;
        if (!weight) continue;
        const base = (down.first[y]! + tap) * width;
        for (let x = from; x < to; x++) row[x]! += weight * plane[base + x]!;
      }
      const line = out[index]!;
      for (let x = 0; x < count; x++) {
        let sum = 0;
        const first = across.first[left + x]!;
        const own = (left + x) * across.most;
        for (let tap = 0; tap < across.most; tap++) sum += across.weights[own + tap]! * row[first + tap]!;
        line[x] = sum;
      }
    }
  }
}
