// A ZIP of files as they are (stored: pictures are compressed already). APPNOTE.TXT 6.3, sections 4.3.7 to 4.3.16.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

export function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

// files: [{name, blob}]; names that occur twice get a number. Returns a Blob.
export async function zip(files) {
  const parts = [];
  const entries = [];
  let at = 0;
  for (const { name, blob } of unique(files)) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const path = new TextEncoder().encode(name);
    // version 2.0, names in UTF-8, stored, no time (1 January 1980), then what was counted
    const common = fields([2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, path.length], [2, 0]);
    parts.push(fields([4, 0x04034b50]), common, path, blob);
    entries.push(fields([4, 0x02014b50], [2, 20]), common, fields([2, 0], [2, 0], [2, 0], [4, 0], [4, at]), path);
    at += 4 + common.length + path.length + bytes.length;
  }
  const size = entries.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, at], [2, 0]);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}

function unique(files) {
  const seen = new Set();
  return files.map(({ name, blob }) => {
    let free = name;
    for (let number = 2; seen.has(free); number++) free = name.replace(/(\.\w+)?$/, ` ${number}$1`);
    seen.add(free);
    return { name: free, blob };
  });
}

// Numbers as little-endian bytes: [bytes, value], …
function fields(...numbers) {
  const bytes = new Uint8Array(numbers.reduce((sum, [size]) => sum + size, 0));
  let at = 0;
  for (const [size, value] of numbers) {
    for (let byte = 0; byte < size; byte++) bytes[at++] = Math.floor(value / 256 ** byte) % 256;
  }
  return bytes;
}
