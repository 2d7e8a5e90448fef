import Bowser from 'bowser'

/** Who makes a request, in words of a few kinds; null where nothing is known. */
export const browserOf = (userAgent: string): string | null => parse(userAgent)?.browser.name || null
export const systemOf = (userAgent: string): string | null => parse(userAgent)?.os.name || null
/** `desktop`, `mobile`, `tablet`, `tv`, `bot`. */
export const deviceOf = (userAgent: string): string | null => parse(userAgent)?.platform.type || null

/** Undefined for what no library can read: nothing that stands in a header may stop a file. */
function parse(userAgent: string): Bowser.Parser.ParsedResult | undefined {
  try {
    return Bowser.parse(userAgent)
  } catch {
    return undefined
  }
}
