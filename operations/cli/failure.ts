/** What a person did or met, in one line that says what to do; shown without a stack. `exitCode` 2: the call was wrong. */
export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}
