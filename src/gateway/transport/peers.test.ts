import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Bed } from '../testing/test-bed.ts'

const SECRET = 'a-secret-of-the-data-plane'

async function seenBy(header: string | undefined, path = '/oauth/authorize?client_id=staying') {
  const bed = await Bed.make()
  try {
    const { legacy, gateway } = await bed.whole({ frontSecret: SECRET, trustedProxies: ['203.0.113.9'] })
    const headers = {
      'x-forwarded-for': '198.51.100.1',
      ...(header === undefined ? {} : { 'x-handover-peer': header }),
    }
    await fetch(`${gateway.url}${path}`, { headers })
    return legacy.received[0]?.headers ?? {}
  } finally {
    await bed.end()
  }
}

describe('a gateway behind the proxy of a data plane', () => {
  for (const path of ['/oauth/authorize?client_id=staying', '/pages/any']) {
    test(`takes the peer of ${path} from the header that brings the secret`, async () => {
      const seen = await seenBy(`${SECRET} 192.0.2.7 https`, path)
      assert.equal(seen['x-forwarded-for'], '192.0.2.7')
      assert.equal(seen['x-forwarded-proto'], 'https')
      assert.equal(seen['x-handover-peer'], undefined)
    })
  }

  test('trusts that peer only if it is a trusted proxy', async () => {
    assert.equal((await seenBy(`${SECRET} 203.0.113.9 http`))['x-forwarded-for'], '198.51.100.1, 203.0.113.9')
  })

  test('ignores and drops a header without the secret', async () => {
    for (const header of ['guessed 192.0.2.7 https', `${SECRET} nonsense http`, '']) {
      const seen = await seenBy(header)
      assert.equal(seen['x-forwarded-for'], '127.0.0.1')
      assert.equal(seen['x-handover-peer'], undefined)
    }
  })
})
