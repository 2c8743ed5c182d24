/** How a stream of unknown length is cut into parts and objects. */
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

export interface UploadLimits {
  /** Bytes of the parts from a part number on, in rising order; the first entry begins at part 1. */
  readonly partBytes: readonly { readonly from: number; readonly bytes: number }[];
  /** After this many bytes a new object begins. */
  readonly objectBytes: number;
  readonly partsInFlight: number;
}

/**
 * 500 GiB fit into S3's 10,000 parts: 1,000 of 8 MiB, 1,000 of 32 MiB and 7,506 of 64 MiB. A dump under 8 GiB, the
 * usual one, takes four buffers of 8 MiB; the largest takes four of 64 MiB.
 */
export const UPLOAD_LIMITS: UploadLimits = {
  partBytes: [
    { from: 1, bytes: 8 * MIB },
    { from: 1_001, bytes: 32 * MIB },
    { from: 2_001, bytes: 64 * MIB },
  ],
  objectBytes: 500 * GIB,
  partsInFlight: 3,
};

/** Bytes of this part of an object, at most. */
export function partBytes(limits: UploadLimits, number: number): number {
  const step = limits.partBytes.findLast(({ from }) => number >= from);
  if (!step) throw new RangeError(`no part size for part ${number}`);
  return step.bytes;
}
