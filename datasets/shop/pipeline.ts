import type { Pipeline } from '../pipeline.ts'
import { shopEvents } from './shop-events.ts'

/** A shop that leaves its events in files, now and then. */
export const shop: Pipeline = {
  name: 'shop',
  datasets: [shopEvents],
  source: {
    kind: 'files',
    landedAs: shopEvents,
    worldStartMs: Date.UTC(2026, 0, 1),
    usualRate: 50,
    recordsInFile: 250,
    load: async () => (await import('./generate.ts')).generateShopFiles,
  },
}
