import fc from 'fast-check'
import { expect, it } from 'vitest'
import { browserOf, deviceOf, systemOf } from '#datasets/shop/user-agent.ts'

const look = (userAgent: string) => [browserOf(userAgent), systemOf(userAgent), deviceOf(userAgent)]

it('names browser, system and device', () => {
  expect(
    look(
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1',
    ),
  ).toEqual(['Safari', 'iOS', 'mobile'])
  expect(
    look(
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
    ),
  ).toEqual(['Chrome', 'Windows', 'desktop'])
})

it('says nothing of what it does not know, and never throws', () => {
  expect(look('a browser of my own')).toEqual([null, null, null])
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1')
      for (const found of look(text)) expect(found === null || found.length > 0).toBe(true)
    }),
  )
})
