import { writeFile } from 'node:fs/promises'
import { copyColumns } from '@cupel/core/warehouse-sql'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { silverProblem, silverProblems } from '@cupel/duckdb/silver'
import { withTemporaryFolder } from '@cupel/io/temporary-folder'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { merchants } from '#datasets/finance/merchants.ts'

let engine: Engine
beforeAll(async () => {
  engine = await openEngine()
})
afterAll(() => engine.close())

const columns = copyColumns(merchants).map((column) => {
  const field = Object.entries(merchants.fields).find(([name]) => column === `"${name}"`)
  return `NULL::${field ? field[1].kind.duckdbType : 'BIGINT'} AS ${column}`
})
const parquet = (file: string, selected: readonly string[]) =>
  engine.run(`COPY (SELECT ${selected.join(', ')}) TO '${file}' (FORMAT parquet)`)

it('finds of many files what it finds of each, and looks once at those of one schema', async () => {
  await withTemporaryFolder(async (folder) => {
    const files = Array.from({ length: 40 }, (_, i) => folder.file(`${i}.parquet`))
    for (const file of files) await parquet(file, columns)
    await parquet(files[7]!, columns.slice(1))
    await parquet(files[8]!, [...columns].reverse())
    await parquet(files[30]!, [`1 AS ${copyColumns(merchants)[0]}`, ...columns.slice(1)])
    let queries = 0
    const counting: Engine = {
      ...engine,
      rows(sql) {
        queries++
        return engine.rows(sql)
      },
    }
    const each = () => Promise.all(files.map((file) => silverProblem(engine, merchants, file)))
    expect(await silverProblems(counting, merchants, files)).toEqual(await each())
    expect(queries).toBe(5)

    await writeFile(files[21]!, 'hello')
    queries = 0
    const found = await silverProblems(counting, merchants, files)
    expect(found).toEqual(await each())
    expect(found.flatMap((problem, i) => (problem === undefined ? [] : [i]))).toEqual([7, 21, 30])
    expect(queries).toBeLessThan(files.length)
  })
  expect(await silverProblems(engine, merchants, [])).toEqual([])
})

it('takes silver of before, whose identifiers are of the type UUID of Parquet', async () => {
  await withTemporaryFolder(async (folder) => {
    const file = folder.file('silver.parquet')
    const older = columns.map((column) => column.replace(/VARCHAR AS "merchant_id"/, 'UUID AS "merchant_id"'))
    expect(older).not.toEqual(columns)
    await parquet(file, older)
    expect(await silverProblem(engine, merchants, file)).toBeUndefined()
    await parquet(
      file,
      columns.map((column) => column.replace(/VARCHAR AS "name"/, 'UUID AS "name"')),
    )
    expect(await silverProblem(engine, merchants, file)).toMatch(/another type.*"name"/)
  })
})
