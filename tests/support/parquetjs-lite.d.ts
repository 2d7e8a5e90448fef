/** What the tests use of a package without types. */
declare module 'parquetjs-lite' {
  class ParquetSchema {
    constructor(fields: Record<string, { type: string; optional?: boolean; compression?: string }>)
  }
  class ParquetWriter {
    static openFile(schema: ParquetSchema, file: string): Promise<ParquetWriter>
    appendRow(row: Record<string, unknown>): Promise<void>
    close(): Promise<void>
  }
  const parquet: { ParquetSchema: typeof ParquetSchema; ParquetWriter: typeof ParquetWriter }
  export default parquet
}
