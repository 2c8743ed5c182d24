/** CRC-32 (ISO-HDLC, what S3 calls CRC32): the sum of parts that were summed apart. */

/** The polynomial, bits reversed: x^0 is the highest bit. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;

/** a · b modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}

/** x^(8 · bytes) modulo the polynomial: what that many zero bytes do to a sum. */
function zeros(bytes: number): number {
  let result = ONE;
  // x^8, then squared for each further binary digit of `bytes`.
  let power = ONE >>> 8;
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(power, result);
    power = multiply(power, power);
  }
  return result;
}

/** The CRC32 of A followed by B, from the CRC32 of each and B's length in bytes. */
export const joinCrc32 = (first: number, second: number, secondBytes: number): number =>
  (multiply(zeros(secondBytes), first) ^ second) >>> 0;

/** As S3 writes it: base64 of four bytes, the highest first. */
export function crc32Text(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}
