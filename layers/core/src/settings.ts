import { ConfigurationError } from './errors.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Readers of single variables. Each notes a problem instead of throwing, so that one error names them all. */
export type SettingsReader = {
  /** A non-empty text. */
  readonly text: (name: string, fallback?: string) => string
  /** A whole number ≥ 0. */
  readonly count: (name: string, fallback?: number) => number
  /** An absolute URL with one of the protocols, such as `postgres:`. */
  readonly url: (name: string, protocols: readonly string[]) => string
}

/**
 * Read the settings of a function once, at cold start.
 *
 * @throws {ConfigurationError} that names every missing and malformed variable, never its value: it may be a secret.
 */
export function readSettings<T>(environment: Environment, read: (from: SettingsReader) => T): T {
  const problems: string[] = []
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined

  const settings = read({
    text(name, fallback) {
      const found = value(name) ?? fallback
      if (found === undefined) problems.push(`${name} is missing`)
      return found ?? ''
    },
    count(name, fallback) {
      const found = value(name)
      if (found === undefined && fallback !== undefined) return fallback
      if (found === undefined) problems.push(`${name} is missing`)
      else if (!/^\d{1,15}$/.test(found)) problems.push(`${name} is not a whole number`)
      return Number(found)
    },
    url(name, protocols) {
      const found = value(name)
      if (found === undefined) problems.push(`${name} is missing`)
      else if (!URL.canParse(found)) problems.push(`${name} is not a URL`)
      else if (!protocols.includes(new URL(found).protocol))
        problems.push(`${name} must start with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`)
      return found ?? ''
    },
  })
  if (problems.length > 0) throw new ConfigurationError(problems)
  return settings
}
