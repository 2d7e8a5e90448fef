import { describe, expect, it } from 'vitest'
import { watchWrites } from '#localstack/write-watch.ts'

const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })

describe('watchWrites', () => {
  it('says once what to do when the disk is full, and once that writes work again', () => {
    const lines: string[] = []
    const writes = watchWrites('S3', '/data', (line) => lines.push(line))
    writes.worked()
    for (let i = 0; i < 5; i++) writes.failed(full)
    for (let i = 0; i < 5; i++) writes.worked()
    expect(lines).toEqual([
      'warning: S3 cannot write to /data: the disk is full (ENOSPC), free some space. Writers are told to try again',
      'warning: S3: writes to /data work again',
    ])
  })

  it('does not repeat itself while a disk that is nearly full takes some writes', () => {
    const lines: string[] = []
    const writes = watchWrites('Kafka', '/data', (line) => lines.push(line))
    for (let i = 0; i < 50; i++) {
      writes.failed(full)
      writes.worked()
    }
    expect(lines).toHaveLength(2)
  })
})
