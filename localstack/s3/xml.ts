import { S3Error } from './errors.ts'

/** What an element to write holds. Of a list, each item is an element of that name; what is undefined is left out. */
export type XmlContent = string | number | boolean | XmlFields
export type XmlFields = { readonly [name: string]: XmlContent | readonly XmlContent[] | undefined }

/** An element that was read, without name space prefix and attributes. */
export type XmlElement = {
  readonly name: string
  readonly text: string
  readonly children: readonly XmlElement[]
}

const nameSpace = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** A whole document. S3's error document, alone, has no name space. */
export function xmlDocument(root: string, content: XmlContent): string {
  const attribute = root === 'Error' ? '' : ` xmlns="${nameSpace}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${xmlContent(content)}</${root}>`
}

function xmlContent(content: XmlContent): string {
  if (typeof content !== 'object') return escapeXml(String(content))
  const element = (name: string) => (item: XmlContent) => `<${name}>${xmlContent(item)}</${name}>`
  return Object.entries(content)
    .flatMap(([name, items]) => (items === undefined ? [] : [items].flat().map(element(name))))
    .join('')
}

/**
 * Keys may hold what XML 1.0 does not allow. S3 writes such characters as references all the same; who has them asks for
 * `encoding-type=url`.
 */
const escapeXml = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
  text.replace(/[&<>"'\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, (character) => {
    const known = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }[character]
    return known ?? `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`
  })

const deepest = 8

/**
 * Reads the small documents that clients send: elements, text, CDATA, comments, references. Attributes are skipped, and a
 * document type (with its entities) is refused. Throws `MalformedXML`.
 */
export function parseXml(document: string): XmlElement {
  type Open = { name: string; tag: string; text: string; children: XmlElement[] }
  const root: Open = { name: '', tag: '', text: '', children: [] }
  const stack: Open[] = [root]
  const token =
    /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([^\s<>/!?]+)((?:\s[^<>]*?)?)(\/?)>|([^<]+)/y
  const text = document.replace(/^\ufeff/, '')
  while (token.lastIndex < text.length) {
    const match = token.exec(text)
    if (!match) throw malformed()
    const [, cdata, closing, tag, , selfClosing, plain] = match
    const top = stack.at(-1)!
    if (cdata !== undefined) top.text += cdata
    else if (plain !== undefined) top.text += unescapeXml(plain)
    else if (tag === undefined) continue
    else if (closing) {
      if (top === root || top.tag !== tag) throw malformed()
      stack.pop()
    } else {
      const element: Open = { name: tag.replace(/^.*:/, ''), tag, text: '', children: [] }
      top.children.push(element)
      if (!selfClosing) stack.push(element)
      if (stack.length > deepest) throw malformed()
    }
  }
  const [only, ...others] = root.children
  if (!only || others.length > 0 || stack.length > 1 || root.text.trim() !== '') throw malformed()
  return only
}

/** The text of the first child of this name, or undefined. */
export const childText = (element: XmlElement, name: string): string | undefined =>
  element.children.find((child) => child.name === name)?.text

const references: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const unescapeXml = (text: string): string =>
  text.replace(/&([^;&]*);?/g, (whole, name: string) => {
    const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name) ?? []
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal)
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : references[name]
    if (character === undefined || !whole.endsWith(';')) throw malformed()
    return character
  })

export const malformed = (): S3Error =>
  new S3Error(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  )
