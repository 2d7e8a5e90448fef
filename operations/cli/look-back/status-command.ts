import { datasets } from '#datasets/index.ts'
import { withServices } from './services.ts'
import { formatStatus, takeStatus } from './status.ts'

/** What runs in this folder and what its stages hold. Exit code 0 also when nothing runs: `--json` tells, in `running`. */
export const runStatus = (root: string, { json }: { json?: boolean }): Promise<number> =>
  withServices(root, async (services) => {
    const status = await takeStatus(services, datasets)
    const { isTTY, columns } = process.stdout
    console.log(
      json ? JSON.stringify(status, null, 2) : formatStatus(status, Date.now(), isTTY ? columns : undefined),
    )
    return 0
  })
