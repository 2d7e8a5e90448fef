import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

type Call = { WaitTimeSeconds?: number; MaxNumberOfMessages?: number; Entries?: Entry[] }
type Entry = { Id: string; ReceiptHandle: string }

/**
 * A queue of SQS over HTTP, in its JSON protocol: long polling, and messages that are received and not deleted come
 * again, with another receipt handle, when `showAgain` is called: the end of their visibility timeout.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
 */
export async function startFakeSqs() {
  let visible: { id: string; body: string }[] = []
  let hidden: { receipt: string; message: { id: string; body: string } }[] = []
  const waiting = new Set<() => void>()
  let refusing = false
  const calls: (Call & { operation: string })[] = []
  const wake = () => {
    for (const go of waiting) go()
  }
  const operations: Record<string, (call: Call, caller: ServerResponse) => Promise<object>> = {
    async ReceiveMessage({ WaitTimeSeconds = 0, MaxNumberOfMessages = 1 }, caller) {
      if (visible.length === 0 && WaitTimeSeconds > 0) {
        await new Promise<void>((resolve) => {
          const go = () => {
            waiting.delete(go)
            resolve()
          }
          waiting.add(go)
          caller.once('close', go)
        })
      }
      const received = caller.destroyed ? [] : visible.splice(0, MaxNumberOfMessages)
      return {
        Messages: received.map((message) => {
          const receipt = randomUUID()
          hidden.push({ receipt, message })
          const MD5OfBody = createHash('md5').update(message.body).digest('hex')
          return { MessageId: message.id, ReceiptHandle: receipt, Body: message.body, MD5OfBody }
        }),
      }
    },
    async DeleteMessageBatch({ Entries = [] }) {
      const deleted = new Set(Entries.map(({ ReceiptHandle }) => ReceiptHandle))
      hidden = hidden.filter(({ receipt }) => !deleted.has(receipt))
      return { Successful: Entries.map(({ Id }) => ({ Id })), Failed: [] }
    },
  }
  const server = createServer(async (request, response) => {
    const operation = String(request.headers['x-amz-target']).replace(/^AmazonSQS\./, '')
    const call = (await json(request)) as Call
    calls.push({ operation, ...call })
    if (refusing) return void response.writeHead(400).end('{"__type":"AccessDenied","message":"not yours"}')
    const answer = await operations[operation]!(call, response)
    response.writeHead(200, { 'Content-Type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    endpoint,
    queueUrl: `${endpoint}/000000000000/uploads`,
    calls,
    polls: () => waiting.size, // that wait for a message
    send(...bodies: string[]) {
      visible.push(...bodies.map((body, index) => ({ id: `message-${calls.length}-${index}`, body })))
      wake()
    },
    showAgain() {
      visible = [...visible, ...hidden.splice(0).map(({ message }) => message)]
      wake()
    },
    left: () => [...visible, ...hidden.map(({ message }) => message)].map(({ body }) => body),
    refuse(whether: boolean) {
      refusing = whether
      wake()
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
