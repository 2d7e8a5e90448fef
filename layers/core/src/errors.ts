/**
 * A failure that a person or an event source must act on. Bad records are never errors: they are values with a
 * reason. `code` is stable, logged and alarmed on; `retryable` says whether the same call may succeed later.
 */
export class CupelError extends Error {
  readonly code: string
  readonly retryable: boolean

  constructor(code: string, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.name = 'CupelError'
    this.code = code
    this.retryable = options.retryable
  }
}

/** The environment variables of a function do not make up its settings. Nothing can run before they are mended. */
export class ConfigurationError extends CupelError {
  constructor(problems: readonly string[]) {
    super('CONFIGURATION', `invalid configuration: ${problems.join('; ')}`, { retryable: false })
  }
}

/** An event is not of the shape that its source documents: wiring, not data, is wrong. */
export class EventShapeError extends CupelError {
  constructor(source: string, expected: string, actual: unknown) {
    super('EVENT_SHAPE', `${source} event: expected ${expected}, got ${describe(actual)}`, {
      retryable: false,
    })
  }
}

/** Records of a topic, or objects under a prefix, that no dataset claims. Add the dataset, or take the event source away. */
export class UnknownDatasetError extends CupelError {
  constructor(what: string, known: readonly string[]) {
    super('UNKNOWN_DATASET', `no dataset for ${what}; known: ${known.join(', ')}`, { retryable: true })
  }
}

/** A stored offset holds other bytes than the record just received: the topic was deleted and made anew. */
export class TopicReplacedError extends CupelError {
  constructor(address: string, objectKey: string) {
    super(
      'TOPIC_REPLACED',
      `${address} differs from what ${objectKey} holds: the topic was made anew. ` +
        'Move the old bronze objects of this topic away, or name the new topic differently',
      { retryable: true },
    )
  }
}

/** An object that should be there, or readable, is not. Retrying helps when it is late, and reports it when it is not. */
export class ObjectError extends CupelError {
  constructor(key: string, problem: string, cause?: unknown) {
    super('OBJECT', `object ${key}: ${problem}`, { retryable: true, cause })
  }
}

/** A file cannot be read, from some place on, however often one tries: `message` says why, without its values. */
export class UnreadableFileError extends CupelError {
  constructor(why: string) {
    super('UNREADABLE_FILE', why, { retryable: false })
  }
}

/** A dataset does not take an object as a whole: too many of its records are bad, or one is that must not be. */
export class ObjectRefusedError extends CupelError {
  constructor(key: string, dataset: string, problem: string) {
    super(
      'OBJECT_REFUSED',
      `dataset ${dataset} refuses ${key}: ${problem}. Nothing of it was refined, bronze keeps it. Mend what sends such ` +
        'records, or let a new version of the dataset take them: its sweep refines the object then',
      { retryable: false },
    )
  }
}

/** A type, and for short primitives the value, never the content of an object: it may be personal. */
function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object')
    return `an object with ${Object.keys(value).slice(0, 5).join(', ') || 'no fields'}`
  return typeof value
}

/** What an engine or a database says of a failure, without what it quotes: values of records may be personal. */
export function messageWithoutValues(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/(["'`]).*\1/gs, '…')
}
