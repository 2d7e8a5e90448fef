import { join } from 'node:path'

/** Recorded events of AWS stand beside the repository on some machines; a test that reads one skips where it is absent. */
export const awsFixture = (name: string): string =>
  join(import.meta.dirname, '../../../shared/fixtures/aws-events', name)
