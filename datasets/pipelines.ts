import type { Dataset } from '@cupel/core/dataset'
import { bookshelf } from './books/pipeline.ts'
import { finance } from './finance/pipeline.ts'
import type { Pipeline, Streamed } from './pipeline.ts'
import { shopping } from './purchases/pipeline.ts'
import { shop } from './shop/pipeline.ts'

/** All pipelines. The first is what `cupel start` runs when it is not told which. */
export const pipelines: readonly [Pipeline, ...Pipeline[]] = [finance, bookshelf, shopping, shop]

/** The one of some datasets of whose valid records detect-fraud takes decisions, if it is among them. */
export const decidedOf = (datasets: readonly Pick<Dataset, 'name'>[]): Streamed | undefined =>
  pipelines.find(({ decided }) => datasets.some(({ name }) => name === decided?.name))?.decided

export const isDecided = (dataset: Pick<Dataset, 'name'>): boolean => decidedOf([dataset]) !== undefined
