/** What a person did or met, in one line that says what to do; shown without a stack. `exitCode` 2: the call was wrong. */
export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}

/** Whether it was the system that refused: a full disk, a read-only folder. */
export const isSystemError = (error: unknown): boolean =>
  typeof (error as NodeJS.ErrnoException).syscall === 'string'

/** A file or folder that the system does not let us write: what to do about it. */
export function cannotWrite(path: string, error: unknown, instead = ''): Failure {
  const { code, message } = error as NodeJS.ErrnoException
  const what =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'the disk is full. Free some space'
      : code === 'EROFS' || code === 'EACCES' || code === 'EPERM'
        ? `it is read-only for this account (${code}). Make it writable`
        : `${message}. Make it usable`
  return new Failure(`cannot write to ${path}: ${what}${instead && `, or ${instead}`}`)
}
