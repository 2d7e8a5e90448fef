import { datasets } from '#datasets/index.ts'
import { runningEndpoints } from '#localstack/endpoints-file.ts'
import { Failure } from './failure.ts'
import { dataDirectory } from './local-cloud.ts'
import { openLocalPorts } from './local-ports.ts'
import { table } from './report.ts'
import { measureProgress } from './settle.ts'

/** What runs in this folder, and how far its records are. Exit code 1 when nothing runs. */
export async function runStatus(root: string, { json }: { json?: boolean }): Promise<number> {
  const running = runningEndpoints(dataDirectory(root))
  if (!running) throw new Failure(`nothing runs in ${dataDirectory(root)}: npm start starts it`)
  const ports = openLocalPorts(running)
  try {
    const progress = await measureProgress(ports, datasets)
    if (json) console.log(JSON.stringify({ ...running, progress }, null, 2))
    else
      console.log(
        table([
          ['records', 'done', 'of'],
          ...progress.map(({ what, done, of }) => [what, String(done), String(of)]),
          ['process', String(running.pid), ''],
        ]),
      )
    return 0
  } finally {
    await ports.close()
  }
}
