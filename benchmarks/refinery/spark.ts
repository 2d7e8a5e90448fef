import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const version = '3.5.7'
const driver = 'org.postgresql:postgresql:42.7.7'

export type Spark = {
  readonly version: string
  readonly python: string
  readonly job: string
  readonly jar: string
}

/**
 * PySpark from PyPI and the JDBC driver from Maven, kept below the system's temporary folder; undefined where there is no
 * Python, Java or Maven, or they cannot be fetched. `SPARK_PYTHON` names a Python that has pyspark.
 */
export async function findSpark(say: (line: string) => void): Promise<Spark | undefined> {
  const folder = join(tmpdir(), 'cupel-bench-refinery', `spark-${version}`)
  try {
    await run('java', ['-version'])
    await mkdir(folder, { recursive: true })
    const jars = async () => (await readdir(folder)).filter((name) => name.endsWith('.jar'))
    if ((await jars()).length === 0)
      await run('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${driver}`, `-DoutputDirectory=${folder}`])
    const python = process.env.SPARK_PYTHON ?? join(folder, 'venv/bin/python')
    const hasSpark = () => run(python, ['-c', 'import pyspark; print(pyspark.__version__)'])
    if (process.env.SPARK_PYTHON === undefined && !(await hasSpark().catch(() => undefined))) {
      say(`PySpark ${version} is fetched, once`)
      await run('python3', ['-m', 'venv', join(folder, 'venv')])
      await run(python, ['-m', 'pip', 'install', '--quiet', `pyspark==${version}`])
    }
    const { stdout } = await hasSpark()
    const jar = join(folder, (await jars())[0]!)
    return { version: stdout.trim(), python, job: resolve('benchmarks/refinery/spark/job.py'), jar }
  } catch (error) {
    say(`no PySpark here: ${String(error instanceof Error ? error.message : error).split('\n')[0]}`)
    return undefined
  }
}
