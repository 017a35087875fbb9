import { encodeForm } from '../forms.ts'
import type { ScenarioSet } from '../scenario.ts'
import type { RequestOptions, ScenarioRun } from '../scenario-run.ts'

type TokenRequest = Readonly<Record<'grant_type' | 'code' | 'redirect_uri' | 'client_id' | 'client_secret', string>>

/** The shape of a token request: body types, repeated parameters, methods, CORS. */
export const tokenRequestShape: ScenarioSet = (scenario, seed) => {
  const { conf } = seed.clients
  const raw = (
    id: string,
    title: string,
    f: (t: ScenarioRun, f: TokenRequest) => RequestOptions,
    o: { readonly method?: string; readonly path?: string } = {},
  ) =>
    scenario(id, title, async (t) => {
      const code = await t.code()
      await t.req(
        o.method || 'POST',
        o.path || '/oauth/token',
        f(t, { grant_type: 'authorization_code', code, redirect_uri: conf.redirect_uris[0], ...t.creds('conf') }),
      )
    })
  raw('E080', 'JSON body', (_t, f) => ({ json: f }))
  raw('E081', 'JSON body, client by Basic', (t, f) => ({
    json: { grant_type: f.grant_type, code: f.code, redirect_uri: f.redirect_uri },
    auth: t.basic('conf'),
  }))
  raw('E082', 'malformed JSON body', () => ({ body: '{"grant_type":', type: 'application/json' }))
  raw('E083', 'JSON array body', () => ({ body: '[1,2]', type: 'application/json' }))
  raw('E084', 'JSON with numbers and null', (_t, f) => ({ json: { ...f, code: 12345, state: null } }))
  raw('E085', 'form body, charset', (_t, f) => ({ form: f, type: 'application/x-www-form-urlencoded; charset=UTF-8' }))
  raw('E086', 'form body, charset iso-8859-1', (_t, f) => ({
    form: f,
    type: 'application/x-www-form-urlencoded; charset=iso-8859-1',
  }))
  raw('E087', 'form body, no content type', (_t, f) => ({ form: f, type: null }))
  raw('E089', 'multipart body', (_t, f) => ({
    body: `${Object.entries(f)
      .map(([k, v]) => `--b\r\nContent-Disposition: form-data; name="${k}"\r\n\r\n${v}\r\n`)
      .join('')}--b--\r\n`,
    type: 'multipart/form-data; boundary=b',
  }))
  raw('E090', 'parameters in the query, empty body', (_t, f) => ({ query: f, form: '' }))
  raw('E091', 'parameters in the query, no body, no content type', (_t, f) => ({ query: f, body: '' }))
  raw('E092', 'client in the query, grant in the body', (_t, f) => ({
    query: { client_id: f.client_id, client_secret: f.client_secret },
    form: { grant_type: f.grant_type, code: f.code, redirect_uri: f.redirect_uri },
  }))
  raw('E093', 'query and body disagree on the code', (_t, f) => ({ query: { code: 'wrong' }, form: f }))
  raw('E094', 'code twice, right one last', (_t, f) => ({ form: { ...f, code: ['wrong', f.code] } }))
  raw('E096', 'grant_type twice', (_t, f) => ({
    form: { ...f, grant_type: ['authorization_code', 'client_credentials'] },
  }))
  raw('E098', 'client_id as a hash', (_t, f) => ({ form: { ...f, client_id: undefined, 'client_id[x]': f.client_id } }))
  raw('E102', 'unsupported grant_type', (_t, f) => ({ form: { ...f, grant_type: 'bogus' } }))
  raw('E103', 'grant_type upper-cased', (_t, f) => ({ form: { ...f, grant_type: 'AUTHORIZATION_CODE' } }))
  raw('E104', 'grant_type implicit', (_t, f) => ({ form: { ...f, grant_type: 'implicit' } }))
  raw('E105', 'grant_type of JWT bearer', (_t, f) => ({
    form: { ...f, grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'x' },
  }))
  raw('E107', 'missing grant_type and no client', () => ({ form: { x: 'y' } }))
  raw('E108', 'empty body', () => ({ form: '' }))
  raw('E109', 'GET', (_t, f) => ({ query: f }), { method: 'GET' })
  raw('E110', 'HEAD', (_t, f) => ({ query: f }), { method: 'HEAD' })
  raw('E112', 'DELETE', (_t, f) => ({ query: f }), { method: 'DELETE' })
  raw('E113', 'OPTIONS without Origin', () => ({}), { method: 'OPTIONS' })
  scenario('E114', 'CORS preflight and answer', async (t) => {
    await t.req('OPTIONS', '/oauth/token', {
      headers: {
        Origin: 'https://spa.example.test',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,x-csrf-token,x-requested-with',
      },
    })
    await t.req('OPTIONS', '/oauth/token', {
      headers: {
        Origin: 'https://spa.example.test',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type',
      },
    })
    await t.req('OPTIONS', '/oauth/token', {
      headers: { Origin: 'https://spa.example.test', 'Access-Control-Request-Method': 'DELETE' },
    })
    await t.post(
      '/oauth/token',
      { grant_type: 'client_credentials', ...t.creds('conf') },
      { headers: { Origin: 'https://spa.example.test' } },
    )
  })
  raw('E115', 'trailing slash', (_t, f) => ({ form: f }), { path: '/oauth/token/' })
  raw('E117', 'Accept: text/html', (_t, f) => ({ form: f, headers: { Accept: 'text/html' } }))
  raw('E118', 'Accept: application/xml, an error', (_t, f) => ({
    form: { ...f, code: 'x' },
    headers: { Accept: 'application/xml' },
  }))
  raw('E119', 'a form value of 1 MB', (_t, f) => ({ form: { ...f, code: 'x'.repeat(1 << 20) } }))
  raw('E120', 'five thousand parameters', (_t, f) => ({
    form: `${encodeForm(f)}&${Array.from({ length: 5000 }, (_, i) => `p${i}=${i}`).join('&')}`,
  }))
  raw('E121', 'NUL in the code', (_t, f) => ({ form: `${encodeForm({ ...f, code: undefined })}&code=%00abc` }))
  raw('E122', 'invalid UTF-8 in the code', (_t, f) => ({
    form: `${encodeForm({ ...f, code: undefined })}&code=%ff%fe`,
  }))
  raw('E125', 'body announced as form, is JSON', (_t, f) => ({
    body: JSON.stringify(f),
    type: 'application/x-www-form-urlencoded',
  }))
  raw('E128', 'with a session cookie that is nonsense', (_t, f) => ({
    form: f,
    headers: { Cookie: '_lab_session=nonsense' },
  }))
  raw('E129', 'parameter names upper-cased', (_t, f) => ({
    form: Object.fromEntries(Object.entries(f).map(([k, v]) => [k.toUpperCase(), v])),
  }))
}
