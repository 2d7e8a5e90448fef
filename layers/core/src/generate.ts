import { type Dataset, writtenFields } from './dataset.ts'

/**
 * A record that the dataset accepts, as a JSON value: the same for the same `random`, numbers from 0 to below 1. Optional
 * fields are missing now and then.
 */
export const generate = (dataset: Dataset, random: () => number): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(writtenFields(dataset)).flatMap(([name, { kind, optional }]) =>
      optional && random() < 0.1 ? [] : [[name, kind.example(random)]],
    ),
  )
