import type { Fields } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { ClientKey } from '../seed.ts'
import { ALICE } from './requests.ts'

/** The resource owner password credentials grant (RFC 6749 §4.3). */
export const passwordGrant: ScenarioSet = (scenario) => {
  const pwd = (
    id: string,
    title: string,
    f: Fields,
    o: { readonly noclient?: boolean; readonly client?: ClientKey } = {},
  ) =>
    scenario(id, title, async (t) => {
      await t.post('/oauth/token', { ...ALICE, ...(o.noclient ? {} : t.creds(o.client ?? 'conf')), ...f })
    })
  pwd('F001', 'password grant', {})
  pwd('F003', 'password grant, no client', {}, { noclient: true })
  pwd('F006', 'password grant, no username', { username: undefined })
  pwd('F008', 'password grant, empty password', { password: '' })
  pwd('F009', 'password grant, scope', { scope: 'read_user openid' })
  pwd('F010', 'password grant, unknown scope', { scope: 'bogus' })
  pwd('F012', 'password grant, limited client, a scope it may not have', { scope: 'api' }, { client: 'limited' })
  pwd('F013', 'password grant, wrong client secret', { client_secret: 'wrong' })
  pwd('F017', "password grant, the user's e-mail as username", { username: 'alice@example.test' })
  pwd('F019', 'password grant, empty scope', { scope: '' })
  pwd('F020', 'password grant with credentials in JSON types', { username: ['alice', 'bob'] })
}
