import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32Text, joinCrc32 } from '../../tasks/upload/crc32.ts';
import { partBytes, UPLOAD_LIMITS } from '../../tasks/upload/limits.ts';

const MIB = 1024 * 1024;

describe('the checksum of a whole object', () => {
  it.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
    [7, 4096],
    [65_537, 3],
    [100_000, 1_048_576],
  ])('comes out of its parts of %i and %i bytes without reading them again', (first, second) => {
    const [a, b] = [randomBytes(first), randomBytes(second)];
    expect(joinCrc32(crc32(a), crc32(b), second)).toBe(crc32(Buffer.concat([a, b])));
  });

  it('is written as S3 writes it', () => {
    // The check value of CRC-32/ISO-HDLC.
    expect(crc32Text(crc32('123456789'))).toBe(Buffer.from('cbf43926', 'hex').toString('base64'));
  });
});

describe('the parts of an object', () => {
  const sizes = Array.from({ length: 10_000 }, (_, index) => partBytes(UPLOAD_LIMITS, index + 1));

  it('hold a whole object within the 10,000 that S3 allows', () => {
    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThanOrEqual(UPLOAD_LIMITS.objectBytes);
  });

  it('are never smaller than S3 takes, never larger than 64 MiB, and only grow', () => {
    expect(Math.min(...sizes)).toBe(8 * MIB);
    expect(Math.max(...sizes)).toBe(64 * MIB);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
  });
});
