import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Bed } from '../testing/test-bed.ts'

let bed: Bed
before(async () => {
  bed = await Bed.make()
})
after(() => bed.end())

const TRIES = 30
const SIZE = 4 << 20
const REFUSAL = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n'

/** Uploads as fast as possible, regardless of the response, and returns the response. */
function upload(port: number, head: string, size: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    let left = size
    const pump = () => {
      for (let goesOn = true; goesOn && left > 0 && socket.writable; left -= 16 << 10) {
        goesOn = socket.write(Buffer.alloc(16 << 10, 'a'))
      }
    }
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
    })
    socket.on('drain', pump).on('error', () => {})
    socket.on('close', () => resolve(answer))
    socket.write(head)
    pump()
  })
}

describe('an upload that the upstream refuses before it is complete', () => {
  for (const [how, ends] of [
    ['closes and resets', 0],
    ['has read some of it, closes and resets', 200 << 10],
    ['ends its side first and resets later', -1],
  ] as const) {
    test(`gets the upstream's response in ${TRIES} of ${TRIES} tries, when the upstream ${how}`, async () => {
      const legacyUrl = await bed.rawSide((socket) => {
        let seen = 0
        socket.on('data', (chunk: Buffer) => {
          seen += chunk.length
          if (seen < ends) return
          socket.pause().removeAllListeners('data')
          if (ends < 0) {
            socket.end(REFUSAL)
            setTimeout(() => socket.resetAndDestroy(), 5)
          } else socket.write(REFUSAL, () => socket.destroy())
        })
      })
      const gateway = await bed.gateway({ legacyUrl })
      const lost: string[] = []
      for (let i = 0; i < TRIES; i++) {
        const head = `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${SIZE}\r\n\r\n`
        const answer = await upload(gateway.address.port, head, SIZE)
        if (!/^HTTP\/1\.1 413 [\s\S]*\r\n\r\nno\n$/.test(answer)) lost.push(answer.slice(0, 40))
      }
      assert.deepEqual(lost, [])
    })
  }
})
