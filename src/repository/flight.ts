// Bounded concurrency: so many pieces of work in flight, started in order.
// A failure stops what has not started, and is thrown when the rest has settled.

/**
 * Works through items with a bounded number in flight.
 *
 * @param items - the items; an iterator is asked for the next one only when there is room.
 * @param limit - how many at once.
 * @param work - what to do with each; its position counts from 0.
 * @throws what the iterator or the first failing piece of work threw, after the others in flight have settled.
 */
export async function inFlight<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T, position: number) => Promise<void>,
): Promise<void> {
  const flying = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let position = 0;
  try {
    for await (const item of items) {
      if (failures.length > 0) break;
      const piece = work(item, position).then(
        () => {
          flying.delete(piece);
        },
        (error: unknown) => {
          flying.delete(piece);
          failures.push(error);
        },
      );
      flying.add(piece);
      position += 1;
      // The oldest: one connection answers in order anyway, and so no more than the limit ever waits for its turn to be told.
      if (flying.size >= limit) await flying.values().next().value;
    }
  } catch (error) {
    failures.push(error);
  }
  await Promise.all(flying);
  if (failures.length > 0) throw failures[0];
}
