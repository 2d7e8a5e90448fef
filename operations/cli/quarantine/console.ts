import { userInfo } from 'node:os'
import { join } from 'node:path'
import { datasets } from '#datasets/index.ts'
import { startConsole } from '../../console/server.ts'
import { withQuarantine } from './ask.ts'

/** Serve the page until Ctrl-C. */
export const runConsole = (root: string): Promise<number> =>
  withQuarantine(root, async (quarantine, { signal }) => {
    const pages = join(root, 'operations/console')
    const page = await startConsole({ quarantine, datasets, by: userInfo().username, pages })
    console.log(`${page.url}\nWho has this address can do what the page does. Ctrl-C ends it.`)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    await page.close()
    return 0
  })
