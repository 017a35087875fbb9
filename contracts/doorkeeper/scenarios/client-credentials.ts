import type { Fields } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { ScenarioRun } from '../scenario-run.ts'
import type { ClientKey } from '../seed.ts'
import { info } from './requests.ts'

/** Client credentials (RFC 6749 §4.4). */
export const clientCredentials: ScenarioSet = (scenario) => {
  const cc = (
    id: string,
    title: string,
    f: Fields = {},
    o: {
      readonly noclient?: boolean
      readonly client?: ClientKey
      readonly info?: boolean
      readonly auth?: (t: ScenarioRun) => string
    } = {},
  ) =>
    scenario(id, title, async (t) => {
      const r = await t.post(
        '/oauth/token',
        { grant_type: 'client_credentials', ...(o.noclient ? {} : t.creds(o.client || 'conf')), ...f },
        { auth: o.auth ? o.auth(t) : undefined },
      )
      if (o.info) await info(t, r.issued.access_token)
    })
  cc('G002', 'client credentials by Basic', {}, { noclient: true, auth: (t) => t.basic('conf') })
  cc('G003', 'client credentials, no client', {}, { noclient: true })
  cc('G005', 'client credentials, scope', { scope: 'read_user' }, { info: true })
  cc('G006', 'client credentials, unknown scope', { scope: 'bogus' })
  cc('G007', 'client credentials, limited client, no scope', {}, { client: 'limited', info: true })
  cc('G008', 'client credentials, limited client, a scope it may not have', { scope: 'api' }, { client: 'limited' })
  cc('G010', 'client credentials, public client, right secret', {}, { client: 'public' })
  cc('G011', 'client credentials, openid scope', { scope: 'openid' })
  cc('G012', 'client credentials, scoped client, no scope', {}, { client: 'scoped' })
  scenario('G014', 'client credentials twice: is the first still good?', async (t) => {
    const f = { grant_type: 'client_credentials', ...t.creds('conf') }
    const a = await t.post('/oauth/token', f)
    const b = await t.post('/oauth/token', f)
    for (const r of [a, b]) await info(t, r.issued.access_token)
  })
}
