import { Readable } from 'node:stream';

/** Bytes given to the socket at once. */
const SLICE = 256 * 1024;

/**
 * A part as a stream over its buffer. The SDK signs no stream's payload, which saves a SHA-256 of every byte (TLS and
 * the part's CRC32 guard it), and a slice at a time keeps TLS from holding a second, encrypted copy of the whole part.
 */
export function bodyOf(data: Buffer): Readable {
  let at = 0;
  return new Readable({
    highWaterMark: SLICE,
    read() {
      if (at >= data.length) return void this.push(null);
      const slice = data.subarray(at, at + SLICE);
      at += slice.length;
      this.push(slice);
    },
  });
}
