/** Several things at once that only make sense together: the first failure ends them all. */

/**
 * Waits for all. On the first failure aborts `others`, waits until every promise has settled, and throws that failure.
 */
export async function together<T extends readonly unknown[] | []>(
  others: AbortController,
  promises: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  try {
    return await Promise.all(promises);
  } catch (first) {
    others.abort(first);
    await Promise.allSettled(promises);
    throw first;
  }
}
