import type { Pipeline } from '../pipeline.ts'
import { purchases } from './purchases.ts'

/** Shops and who buys there, with what comes late, comes back and is put right. */
export const shopping: Pipeline = {
  name: 'purchases',
  datasets: [purchases],
  source: {
    kind: 'generated',
    counted: purchases,
    worldStartMs: Date.UTC(2026, 8, 1),
    usualRate: 50,
    async load() {
      const { generatePurchases } = await import('./generate.ts')
      return generatePurchases
    },
  },
  next: 'npx cupel report purchases --month 2026-10 shows a month, as a table and a chart.',
}
