/** Enough to make ten thousand small reads a matter of seconds, few enough for one client's sockets. */
const WIDTH = 25;

/** Maps with a bounded number at once; answers in the order of the items. The first error ends it. */
export async function atOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R>, width = WIDTH): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
