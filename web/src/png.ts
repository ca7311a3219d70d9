// A PNG of 8-bit RGBA, written strip by strip: a canvas would multiply colours by alpha, and lose some of both.

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

export class Png {
  readonly #width: number;
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  readonly #deflate = new CompressionStream("deflate");
  readonly #writer = this.#deflate.writable.getWriter();
  readonly #collected: Promise<void>;
  #above: Uint8Array;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#above = new Uint8Array(4 * width);
    const header = new Uint8Array(13);
    const view = new DataView(header.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    header.set([8, 6], 8);
    this.#parts.push(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), chunk("IHDR", header));
    this.#collected = this.#collect();
  }

  /** Rows of RGBA, the next ones from above; filter Up. */
  async write(pixels: Uint8ClampedArray, rows: number): Promise<void> {
    const length = 4 * this.#width;
    const filtered = new Uint8Array(rows * (length + 1));
    let above = this.#above;
    for (let y = 0, into = 0; y < rows; y++) {
      const row = new Uint8Array(pixels.buffer, pixels.byteOffset + y * length, length);
      filtered[into++] = 2;
      for (let at = 0; at < length; at++) filtered[into++] = row[at]! - above[at]!;
      above = row;
    }
    this.#above = above.slice();
    await this.#writer.write(filtered);
  }

  /** The file, in parts. */
  async finish(): Promise<Uint8Array<ArrayBuffer>[]> {
    await this.#writer.close();
    await this.#collected;
    return [...this.#parts, chunk("IEND", new Uint8Array(0))];
  }

  async #collect(): Promise<void> {
    const reader = this.#deflate.readable.getReader();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      this.#parts.push(chunk("IDAT", value!));
    }
  }
}

function chunk(kind: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let at = 0; at < 4; at++) bytes[4 + at] = kind.charCodeAt(at);
  bytes.set(content, 8);
  let sum = 0xffffffff;
  for (let at = 4; at < 8 + content.length; at++) sum = CRC[(sum ^ bytes[at]!) & 255]! ^ (sum >>> 8);
  view.setUint32(8 + content.length, (sum ^ 0xffffffff) >>> 0);
  return bytes;
}
