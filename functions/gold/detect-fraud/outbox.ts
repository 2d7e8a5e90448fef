import type { Postgres } from '@cupel/io/postgres'
import type { Alert } from './alert.ts'

export type AlertPort = { readonly send: (alert: Alert) => Promise<void> }

const atOnce = 500

/**
 * Send the alerts that were recorded and not sent yet, oldest first: those of this batch, and any that a crash left behind.
 *
 * Delivery: at least once. A crash between sending and noting sends an alert again, with the same id. Two senders at the same
 * time share the alerts, none sends what the other holds.
 *
 * @throws what `send` throws, once the alerts sent before it are noted; the rest stays for the next attempt.
 */
export async function sendAlerts(
  warehouse: Pick<Postgres, 'transaction'>,
  { send }: AlertPort,
): Promise<number> {
  for (let total = 0; ; ) {
    const { sent, found, failure } = await warehouse.transaction(async (database) => {
      const { rows } = await database.query<Alert>(
        `SELECT id, line FROM alerts WHERE sent_at IS NULL ORDER BY id LIMIT ${atOnce} FOR UPDATE SKIP LOCKED`,
      )
      const outcome = await sendEach(rows, send)
      if (outcome.sent.length > 0)
        await database.query('UPDATE alerts SET sent_at = clock_timestamp() WHERE id = ANY ($1::bigint[])', [
          outcome.sent,
        ])
      return { ...outcome, found: rows.length }
    })
    if (failure) throw failure.error
    total += sent.length
    if (found < atOnce) return total
  }
}

async function sendEach(
  alerts: readonly Alert[],
  send: AlertPort['send'],
): Promise<{ sent: string[]; failure?: { error: unknown } }> {
  const sent: string[] = []
  for (const alert of alerts) {
    try {
      await send(alert)
      sent.push(alert.id)
    } catch (error) {
      return { sent, failure: { error } }
    }
  }
  return { sent }
}
