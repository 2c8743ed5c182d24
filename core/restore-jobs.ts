/** When a restore by `auto` is parallel: decided when it is opened (for the disk) and again in the task (for its room). */

/** Below this, downloading first costs more than several jobs win; bytes of the archive. */
export const PARALLEL_FROM_BYTES = 256 * 1024 ** 2;
export const AUTO_JOBS = 4;
