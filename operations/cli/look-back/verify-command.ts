import { datasets } from '#datasets/index.ts'
import { withServices } from './services.ts'
import { formatVerification, verify } from './verify.ts'

/** Check the guarantees on the data at hand. Exit code 1 when one does not hold. */
export const runVerify = (
  root: string,
  { full, json }: { full?: boolean; json?: boolean },
): Promise<number> =>
  withServices(root, async ({ ports, running, signal }) => {
    const verification = await verify(ports, datasets, {
      running: running !== undefined,
      full: full === true,
      signal,
    })
    console.log(json ? JSON.stringify(verification, null, 2) : formatVerification(verification))
    return verification.holds ? 0 : 1
  })
