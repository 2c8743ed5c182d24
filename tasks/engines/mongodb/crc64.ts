/**
 * CRC-64/XZ (ECMA polynomial, reflected) as Go's hash/crc64 computes it: what mongodump writes behind each collection. In
 * halves of 32 bits, because BigInt is fifty times slower.
 */

const TABLE_LOW = new Uint32Array(256);
const TABLE_HIGH = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let [high, low] = [0, byte];
  for (let bit = 0; bit < 8; bit += 1) {
    const odd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (odd) {
      high ^= 0xc96c5795;
      low ^= 0xd7870f42;
    }
  }
  TABLE_HIGH[byte] = high >>> 0;
  TABLE_LOW[byte] = low >>> 0;
}

export class Crc64 {
  #high = -1;
  #low = -1;

  update(bytes: Buffer, from = 0, to = bytes.length): void {
    let [high, low] = [this.#high, this.#low];
    for (let at = from; at < to; at += 1) {
      const index = (low ^ bytes[at]!) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ TABLE_LOW[index]!;
      high = (high >>> 8) ^ TABLE_HIGH[index]!;
    }
    this.#high = high;
    this.#low = low;
  }

  /** As a signed number of 64 bits, which is how the archive has it. */
  get value(): bigint {
    return BigInt.asIntN(64, (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0));
  }
}
