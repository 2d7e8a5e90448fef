import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { listen } from '#localstack/listen.ts'

describe('listen', () => {
  it.each([
    ['Kafka', 'CUPEL_PORT_KAFKA'],
    ['S3', 'CUPEL_PORT_S3'],
    ['PostgreSQL', 'CUPEL_PORT_POSTGRES'],
    ['Lambda', 'CUPEL_PORT_LAMBDA'],
  ])(
    'says that the port of %s is taken, by whom perhaps, and which variable chooses another',
    async (whose, variable) => {
      const other = createServer()
      const port = await listen(other, whose)
      await expect(listen(createServer(), whose, port)).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        message:
          `${whose}'s port ${port} is in use, perhaps by another local cloud or by a ${whose} of yours: ` +
          `stop what uses it, or choose another port with ${variable} (0: any free one)`,
      })
      await new Promise((resolve) => other.close(resolve))
    },
  )
})
