/** The rows of a file that the generator made, under the names of its first line: cells in quotes hold no line break. */
export function readCsv(csv: string): readonly Record<string, string>[] {
  const [head, ...lines] = csv.trimEnd().split('\n')
  const columns = head!.split(',')
  return lines.map((line) => {
    const cells = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)]
    return Object.fromEntries(
      columns.map((column, i) => [column, cells[i]?.[1]?.replaceAll('""', '"') ?? cells[i]?.[2] ?? '']),
    )
  })
}
