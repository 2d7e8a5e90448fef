/** A part cannot start. The message is one line for a person: what happened, where, and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly code:
    | 'PORT_IN_USE'
    | 'CANNOT_LISTEN'
    | 'DIRECTORY_IN_USE'
    | 'DIRECTORY_UNUSABLE'
    | 'DIRECTORY_FORMAT'

  constructor(code: StartError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** The `code` of a system error (`ENOENT`, `ENOSPC`, …), or undefined for anything else. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** What went wrong, as one line. */
export const messageOf = (error: unknown): string =>
  oneLine(error instanceof Error ? error.message : String(error))

export const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 297)}...` : line
}
