import type { Pipeline } from '../pipeline.ts'
import { shopEvents } from './events.ts'

/** A shop: what visitors looked at and bought, in files. */
export const shop: Pipeline = {
  name: 'shop',
  datasets: [shopEvents],
  source: {
    kind: 'dropped',
    takenBy: shopEvents,
    worldStartMs: Date.UTC(2026, 0, 1),
    usualRate: 100,
    async load() {
      return (await import('./generate.ts')).generateShop
    },
  },
  next: 'npx cupel test shop checks the table; shop_sessions and shop_funnel are what it adds up to.',
}
