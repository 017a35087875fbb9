import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, type Side } from '../testing/test-bed.ts'

for (const fastPath of [true, false]) {
  describe(`an OAuth error ${fastPath ? 'with' : 'without'} the fast path`, () => {
    let bed: Bed
    let iam: Side
    let gateway: RunningGateway
    before(async () => {
      bed = await Bed.make()
      ;({ iam, gateway } = await bed.whole({ fastPath, adminListen: { host: '127.0.0.1', port: 0 } }))
    })
    after(() => bed.end())

    const line = async () => (await bed.records('decisions')).at(-1)
    const token = async (clientId: string) => {
      const body = `grant_type=client_credentials&client_id=${clientId}&client_secret=wrong`
      await (await fetch(`${gateway.url}/oauth/token`, { method: 'POST', body, headers: FORM })).text()
    }

    test('appears in the decision line and counts for its application', async () => {
      iam.answer = (_request, response) =>
        void response.writeHead(401, { 'Content-Type': 'application/json' }).end('{"error":"invalid_client"}')
      for (let at = 0; at < 3; at++) await token('moved')
      const { oauth_error, application_id, destination } = (await line()) ?? {}
      assert.deepEqual(
        { oauth_error, application_id, destination },
        {
          oauth_error: 'invalid_client',
          application_id: 1,
          destination: 'iam',
        },
      )
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
      const name = 'handover_gateway_application_oauth_errors_total'
      assert.match(metrics, new RegExp(`^${name}{application_id="1",destination="iam",error="invalid_client"} 3$`, 'm'))
    })

    test('is read from a redirect to the client, and an unknown code is recorded as other', async () => {
      for (const [location, oauthError] of [
        ['https://client.test/cb?error=invalid_scope&state=x', 'invalid_scope'],
        ['https://client.test/cb#state=x&error=access_denied', 'access_denied'],
        ['https://client.test/cb?error=%3Cscript%3E', 'other'],
        ['https://client.test/cb?code=abc', undefined],
      ] as const) {
        iam.answer = (_request, response) => void response.writeHead(302, { Location: location }).end()
        await fetch(`${gateway.url}/oauth/authorize?client_id=moved`, { redirect: 'manual' })
        assert.equal((await line())?.['oauth_error'], oauthError, location)
      }
    })
  })
}
