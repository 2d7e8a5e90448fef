import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseXml, type XmlElement, xmlDocument } from '#localstack/s3/xml.ts'

describe('XML', () => {
  it('brings any text back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { children } = parseXml(xmlDocument('Delete', { Object: { Key: text } }))
        expect(children[0]?.children[0]).toEqual({ name: 'Key', tag: 'Key', text, children: [] })
      }),
    )
  })

  it('reads what clients write', () => {
    const document = `\ufeff<?xml version="1.0"?><!-- c --><s3:Delete xmlns:s3="http://x/"><s3:Key a='1'> a&amp;b&#x9;<![CDATA[<c>]]></s3:Key><Empty/></s3:Delete>\n`
    const plain = ({ name, text, children }: XmlElement): unknown => [name, text, children.map(plain)]
    expect(plain(parseXml(document))).toEqual([
      'Delete',
      '',
      [
        ['Key', ' a&b\t<c>', []],
        ['Empty', '', []],
      ],
    ])
  })

  it.each([
    ['', 'nothing'],
    ['text', 'no element'],
    ['<a>', 'an open element'],
    ['<a></b>', 'the wrong end'],
    ['</a>', 'only an end'],
    ['<a/><b/>', 'two roots'],
    ['<a>&unknown;</a>', 'an unknown entity'],
    ['<a>&#x110000;</a>', 'no character'],
    ['<a>& b</a>', 'a bare ampersand'],
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'a document type'],
    ['<a>'.repeat(20) + '</a>'.repeat(20), 'too deep'],
    ['<!--'.repeat(1000), 'an open comment'],
  ])('refuses %j: %s', (document) => {
    expect(() => parseXml(document)).toThrow(expect.objectContaining({ code: 'MalformedXML' }))
  })

  it('is read or refused, whatever comes', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      'a',
      '&',
      ';',
      '#',
      'x',
      '1',
      '!',
      '-',
      '[',
      ']',
      'CDATA',
      '?',
      ' ',
      '"',
    )
    fc.assert(
      fc.property(fc.string({ unit: piece, maxLength: 30 }), (document) => {
        try {
          parseXml(document)
        } catch (error) {
          expect(error).toHaveProperty('code', 'MalformedXML')
        }
      }),
    )
  })
})
