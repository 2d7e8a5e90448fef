import Bowser from 'bowser'

/** Who makes a request, in words of a few kinds; null where nothing is known. */
export const browserOf = (userAgent: string): string | null =>
  ask(userAgent, (parser) => parser.getBrowserName())
export const systemOf = (userAgent: string): string | null => ask(userAgent, (parser) => parser.getOSName())
/** `desktop`, `mobile`, `tablet`, `tv`, `bot`. */
export const deviceOf = (userAgent: string): string | null =>
  ask(userAgent, (parser) => parser.getPlatformType())

/** Parses what is asked for, and no more. Null for what no library can read: nothing that stands in a header may stop a file. */
function ask(userAgent: string, question: (parser: Bowser.Parser.Parser) => string): string | null {
  try {
    return question(Bowser.getParser(userAgent, true)) || null
  } catch {
    return null
  }
}
