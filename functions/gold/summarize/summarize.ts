import type { Dataset } from '@cupel/core/dataset'
import type { Summary } from '@cupel/core/summary'
import { summariesByDataset, summarizeStatements } from '@cupel/core/summary-sql'
import type { Postgres } from '@cupel/io/postgres'

export type SummarizePorts = {
  readonly warehouse: Pick<Postgres, 'transaction'>
  readonly summaries: readonly Summary[]
  readonly most?: number // notes taken by one transaction
}
export type SummarizeResult = { readonly changes: number } // that were noted, and are in the summaries now

/**
 * Compute the groups anew that changed since the last time, until no note is left; when the event says `{"anew": true}`,
 * all groups.
 *
 * Delivery: taking notes and computing their groups is one transaction, so a crash leaves both as they were, and two
 * invocations at once wait for each other. What is written meanwhile leaves notes of its own.
 */
export const makeSummarize =
  ({ warehouse, summaries, most = 100_000 }: SummarizePorts) =>
  async (event: unknown): Promise<SummarizeResult> => {
    const isAnew = (event as { anew?: unknown } | null)?.anew === true
    let changes = 0
    for (const [from, all] of summariesByDataset(summaries))
      for (let taken = most; taken === most; changes += taken) taken = await summarize(from, all)
    return { changes }

    function summarize(from: Dataset, all: readonly Summary[]): Promise<number> {
      const { begin, anew, take, compute } = summarizeStatements(from, all, isAnew ? 'ALL' : most)
      return warehouse.transaction(async (transaction) => {
        for (const statement of isAnew ? [...begin, ...anew] : begin) await transaction.query(statement)
        const { rows } = await transaction.query<{ taken: number }>(take)
        const taken = rows[0]?.taken ?? 0
        if (taken > 0) for (const statement of compute) await transaction.query(statement)
        return taken
      })
    }
  }
