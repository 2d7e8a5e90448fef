/** `work` on each item, 16 at once, results in the order of the items. */
export async function inParallel<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Promise<Result>[] = []
  const running = new Set<Promise<unknown>>()
  for await (const item of items) {
    const result = work(item)
    results.push(result)
    const tracked: Promise<unknown> = result.finally(() => running.delete(tracked)).catch(() => {})
    running.add(tracked)
    if (running.size >= 16) await Promise.race(running)
  }
  return Promise.all(results)
}
