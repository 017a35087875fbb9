import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { issueVerifier } from '../credentials/index.ts'
import type { Facts } from './decision.ts'
import { type CredentialMarks, type RequestParts, readFacts } from './read-facts.ts'

const NOW = 1_790_000_000
const KEY = Buffer.alloc(32, 7)
const marks: CredentialMarks = {
  extraIamPrefixes: ['ory_'],
  iamJwtIssuer: 'https://iam.example',
  legacyJwtIssuer: 'https://old.example',
  verifierKey: KEY,
}
const FORM = 'application/x-www-form-urlencoded'

interface Sketch extends Partial<Omit<RequestParts, 'body'>> {
  form?: string
  json?: unknown
  body?: Buffer
}

function facts(sketch: Sketch): Facts {
  const { form, json, ...rest } = sketch
  const text = form ?? (json === undefined ? undefined : typeof json === 'string' ? json : JSON.stringify(json))
  const parts: RequestParts = {
    endpoint: 'token',
    method: 'POST',
    query: '',
    contentType: json === undefined ? FORM : 'application/json',
    authorization: undefined,
    hasRepeatedHeader: false,
    ...rest,
    body: rest.body ?? (text === undefined ? undefined : Buffer.from(text)),
  }
  return readFacts(parts, marks, NOW)
}

const basic = (user: string, password = 'x') => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
const jwt = (claims: object) =>
  ['{"alg":"RS256"}', JSON.stringify(claims), 'signature']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')

describe('the client', () => {
  const found: Array<[string, Sketch]> = [
    ['in the query', { query: 'response_type=code&client_id=app', endpoint: 'authorize', method: 'GET' }],
    ['in a form', { form: 'grant_type=client_credentials&client_id=app' }],
    ['in a form without a content type', { form: 'client_id=app', contentType: undefined }],
    ['in JSON', { json: { client_id: 'app', grant_type: 'password' } }],
    ['in multipart', { contentType: 'multipart/form-data; boundary=b', body: multipart({ client_id: 'app' }) }],
    ['by Basic', { form: 'grant_type=client_credentials', authorization: basic('app') }],
    ['by Basic, lower-cased', { form: '', authorization: basic('app').replace('Basic', 'basic') }],
    ['by assertion', { form: `client_assertion=${jwt({ sub: 'app', iss: 'app' })}` }],
    ['in query and form alike', { query: 'client_id=app', form: 'client_id=app' }],
    ['in form and Basic alike', { form: 'client_id=app', authorization: basic('app') }],
    ['with an encoded name', { form: 'client%5Fid=app' }],
    ['with an encoded value', { form: 'client_id=%61pp' }],
    ['beside an empty one elsewhere', { query: 'client_id=', form: 'client_id=app' }],
    ['beside a blank one elsewhere', { query: 'client_id=+%09', form: 'client_id=app' }],
    ['with brackets that Rack takes off its name', { query: '[client_id]=app', form: 'client_id]=app' }],
    ['in a form that ends with the NUL Rack drops', { form: 'client_id=app\0' }],
    ['in multipart that names no boundary, read as a form', { contentType: 'multipart/mixed', form: 'client_id=app' }],
    ['by raw and by encoded UTF-8 alike', { query: 'client_id=%61pp', form: 'client_id=app&x=é' }],
    ['in the body when Basic has an empty user', { form: 'client_id=app', authorization: basic('') }],
  ]
  for (const [where, sketch] of found) {
    test(`is read ${where}`, () => {
      const read = facts(sketch)
      assert.equal(read.clientId, 'app')
      assert.equal(read.fault, undefined)
    })
  }

  const ambiguous: Array<[string, Sketch]> = [
    ['twice in the query', { query: 'client_id=a&client_id=b' }],
    ['twice in a form, the same', { form: 'client_id=a&client_id=a' }],
    ['differently in query and form', { query: 'client_id=a', form: 'client_id=b' }],
    ['differently in form and Basic', { form: 'client_id=a', authorization: basic('b') }],
    ['differently in form and assertion', { form: `client_id=a&client_assertion=${jwt({ sub: 'b' })}` }],
    ['as an array', { form: 'client_id[]=a' }],
    ['as a hash', { form: 'client_id[x]=a' }],
    ['as an encoded array', { form: 'client_id%5B%5D=a' }],
    ['as an array with a bracket before its name', { form: '[client_id][]=a' }],
    ['as a JSON array', { json: { client_id: ['a'] } }],
    ['as a JSON object', { json: { client_id: { a: 1 } } }],
    ['as a JSON number', { json: { client_id: 12 } }],
    ['twice in JSON', { json: '{"client_id":"a","client_id":"b"}' }],
    ['twice in JSON, once escaped', { json: '{"client_id":"a","client\\u005fid":"b"}' }],
    ['behind a semicolon', { form: 'scope=x;client_id=a&client_id=b' }],
    [
      'as a file',
      { contentType: 'multipart/form-data; boundary=b', body: multipart({ 'client_id"; filename="x': 'a' }) },
    ],
    ['in an assertion that is no JWT', { form: 'client_assertion=nonsense' }],
    ['in two Authorization headers', { form: 'client_id=a', hasRepeatedHeader: true }],
  ]
  for (const [how, sketch] of ambiguous) {
    test(`given ${how} is ambiguous`, () => assert.equal(facts(sketch).fault, 'ambiguous_client'))
  }

  const malformed: Array<[string, Sketch]> = [
    ['a broken escape in the query', { query: 'client_id=a&state=%zz' }],
    ['invalid UTF-8 in the query', { query: 'client_id=a&state=%ff%fe' }],
    ['a raw high byte in the query', { query: 'client_id=a&state=\u00ff' }],
    ['NUL in the query', { query: 'client_id=a%00' }],
    ['a broken escape in a form', { form: 'client_id=a&x=%' }],
    ['raw invalid UTF-8 in a form', { body: Buffer.from([0x61, 0x3d, 0xff]) }],
    ['a raw NUL in a form', { form: 'client_id=a\0&x=1' }],
    ['JSON that is cut off', { json: '{"client_id":"a"' }],
    ['a JSON array', { json: [1, 2] }],
    ['JSON null', { json: 'null' }],
    ['NUL in JSON', { json: { client_id: 'a\0' } }],
    ['half a character in JSON', { json: '{"client_id":"\\ud800"}' }],
    ['Basic of invalid UTF-8', { form: 'client_id=a', authorization: 'Basic //79' }],
    [
      'multipart with two boundaries',
      { contentType: 'multipart/form-data; boundary=b; boundary=c', body: multipart({ client_id: 'a' }) },
    ],
    [
      'multipart without an end',
      { contentType: 'multipart/form-data; boundary=b', body: multipart({ client_id: 'a' }).subarray(0, -6) },
    ],
  ]
  for (const [what, sketch] of malformed) {
    test(`${what} is a fault`, () => assert.equal(facts(sketch).fault, 'malformed_request'))
  }

  test('a body of another type is not read', () => {
    assert.equal(facts({ form: 'client_id=a', contentType: 'text/plain' }).clientId, undefined)
  })
})

describe('the credential', () => {
  const G = 'grant_type='
  const rows: Array<[string, Sketch, Facts['credential']]> = [
    ['an IAM code', { form: `${G}authorization_code&code=gliamac-x` }, 'iam'],
    ['an IAM code in the query', { query: `${G}authorization_code&code=gliamac-x` }, 'iam'],
    ['an IAM code in JSON', { json: { grant_type: 'authorization_code', code: 'gliamac-x' } }, 'iam'],
    ['an unmarked code', { form: `${G}authorization_code&code=abc` }, 'unknown'],
    ['an access token as a code', { form: `${G}authorization_code&code=gliamat-x` }, 'unknown'],
    ['an IAM refresh token', { form: `${G}refresh_token&refresh_token=gliamrt-x` }, 'iam'],
    ['an IAM device code', { form: `${G}urn:ietf:params:oauth:grant-type:device_code&device_code=gliamdc-x` }, 'iam'],
    ['an IAM device code, short grant type', { form: `${G}device_code&device_code=gliamdc-x` }, 'iam'],
    ['a code beside a refresh grant', { form: `${G}refresh_token&refresh_token=abc&code=gliamac-x` }, 'unknown'],
    ['a code without a grant type', { form: 'code=gliamac-x' }, 'iam'],
    ['nothing in client_credentials', { form: `${G}client_credentials&code=gliamac-x` }, 'none'],
    ['nothing in password', { form: `${G}password&username=gliamac-x` }, 'none'],
    ['a prefix named at start', { form: `${G}refresh_token&refresh_token=ory_rt_x` }, 'iam'],
    [
      'an IAM JWT by its issuer',
      { form: `${G}refresh_token&refresh_token=${jwt({ iss: 'https://iam.example' })}` },
      'iam',
    ],
    [
      'a legacy JWT by its issuer',
      { form: `${G}refresh_token&refresh_token=${jwt({ iss: 'https://old.example' })}` },
      'legacy',
    ],
    [
      'a JWT of somebody else',
      { form: `${G}refresh_token&refresh_token=${jwt({ iss: 'https://else.example' })}` },
      'unknown',
    ],
    ['a subject token', { form: `${G}urn:ietf:params:oauth:grant-type:token-exchange&subject_token=gliamat-x` }, 'iam'],
    ['revoke of an access token', { endpoint: 'revoke', form: 'token=gliamat-x' }, 'iam'],
    ['revoke of a refresh token', { endpoint: 'revoke', form: 'token=gliamrt-x' }, 'iam'],
    ['revoke of something unmarked', { endpoint: 'revoke', form: 'token=abc' }, 'unknown'],
    ['revoke of nothing', { endpoint: 'revoke', form: '' }, 'none'],
    ['introspect', { endpoint: 'introspect', form: 'token=gliamat-x' }, 'iam'],
    [
      'introspect by the token, not the bearer',
      { endpoint: 'introspect', form: 'token=abc', authorization: 'Bearer gliamat-x' },
      'unknown',
    ],
    ['token info by bearer', { endpoint: 'token_info', method: 'GET', authorization: 'bearer gliamat-x' }, 'iam'],
    [
      'token info: the parameter before the header',
      { endpoint: 'token_info', method: 'GET', query: 'access_token=abc', authorization: 'Bearer gliamat-x' },
      'unknown',
    ],
    [
      'token info: an empty parameter is ignored',
      { endpoint: 'token_info', method: 'GET', query: 'access_token=', authorization: 'Bearer gliamat-x' },
      'iam',
    ],
    ['userinfo by bearer_token', { endpoint: 'userinfo', method: 'GET', query: 'bearer_token=gliamat-x' }, 'iam'],
    ['userinfo by form', { endpoint: 'userinfo', form: 'access_token=gliamat-x' }, 'iam'],
    ['the native page', { endpoint: 'authorize_native', method: 'GET', query: 'code=gliamac-x' }, 'iam'],
    ['a code at authorize means nothing', { endpoint: 'authorize', method: 'GET', query: 'code=gliamac-x' }, 'none'],
    ['a user code carries no mark', { endpoint: 'device', form: 'user_code=ABCD1234' }, 'unknown'],
  ]
  for (const [name, sketch, credential] of rows) {
    test(`${name}: ${credential}`, () => {
      const read = facts(sketch)
      assert.equal(read.credential, credential)
      assert.equal(read.fault, undefined)
      assert.equal(read.startsFlow, credential === 'none')
    })
  }
})

describe('a repeated credential', () => {
  const CODE = 'grant_type=authorization_code&code='
  const rows: Array<[string, Sketch, Facts['credential']]> = [
    ["IAM's behind another", { form: `${CODE}abc&code=gliamac-x` }, 'iam'],
    ["IAM's before another", { form: `${CODE}gliamac-x&code=abc` }, 'iam'],
    ["IAM's in the form, another in the query", { query: 'code=abc', form: `${CODE}gliamac-x` }, 'iam'],
    ["IAM's twice the same", { form: `${CODE}gliamac-x&code=gliamac-x` }, 'iam'],
    ["IAM's behind a list", { form: `${CODE}gliamac-x&code[]=gliamac-x` }, 'iam'],
    ["IAM's behind an empty one", { form: `${CODE}&code=gliamac-x` }, 'iam'],
    ['none of them of IAM', { form: `${CODE}abc&code=def` }, 'unknown'],
    ['two tokens to revoke', { endpoint: 'revoke', form: 'token=abc&token=gliamat-x&client_id=a&client_id=b' }, 'iam'],
  ]
  for (const [name, sketch, credential] of rows) {
    test(`is a fault, and its issuer is still determined: ${name}`, () => {
      const read = facts(sketch)
      assert.deepEqual([read.fault, read.credential], ['ambiguous_client', credential])
    })
  }
})

describe('a credential of IAM', () => {
  const REFRESH = 'grant_type=refresh_token'
  const hidden: Array<[string, Sketch]> = [
    ['behind a space after the separator', { form: `${REFRESH}& refresh_token=gliamrt-x` }],
    ['behind several spaces', { form: `${REFRESH}&   refresh_token=gliamrt-x` }],
    ['behind a semicolon in the query', { query: 'x=1; refresh_token=gliamrt-x', form: REFRESH }],
    ['of the second grant type', { form: `grant_type=client_credentials&${REFRESH}&refresh_token=gliamrt-x` }],
    ['of the first grant type', { form: `${REFRESH}&grant_type=client_credentials&refresh_token=gliamrt-x` }],
    ['of the grant type in the query', { query: REFRESH, form: 'grant_type=password&refresh_token=gliamrt-x' }],
    ['of a grant type in a list', { form: 'grant_type[]=refresh_token&refresh_token=gliamrt-x' }],
    ['under a name in brackets', { form: `${REFRESH}&[refresh_token]=gliamrt-x` }],
    ['beside broken encoding', { form: `${REFRESH}&x=%zz&refresh_token=gliamrt-x` }],
    ['beside a NUL', { form: `${REFRESH}&x=%00&refresh_token=gliamrt-x` }],
    ['before a NUL', { form: `${REFRESH}&refresh_token=gliamrt-x\0` }],
    ['beside invalid UTF-8', { body: Buffer.from(`${REFRESH}&\xff=1&refresh_token=gliamrt-x`, 'latin1') }],
    [
      'with a comma in the content type',
      { contentType: `${FORM}, text/plain`, form: `${REFRESH}&refresh_token=gliamrt-x` },
    ],
    ['with an empty content type', { contentType: '', form: `${REFRESH}&refresh_token=gliamrt-x` }],
    [
      'in text/x-json',
      { contentType: 'text/x-json', form: '{"grant_type":"refresh_token","refresh_token":"gliamrt-x"}' },
    ],
    [
      'in application/jsonrequest',
      { contentType: 'Application/JSONRequest ;v=1', form: '{"refresh_token":"gliamrt-x"}' },
    ],
    ['in JSON with comments', { json: '{/**/"grant_type":"refresh_token",//\n"refresh_token" /**/ : "gliamrt-x"}' }],
    ['in JSON with unknown escapes', { json: '{"refresh_token":"gl\\iamrt-x"}' }],
    ['in JSON, the second of two', { json: '{"refresh_token":"a","refresh_token":"gliamrt-x"}' }],
    [
      'behind two Authorization headers',
      {
        endpoint: 'userinfo',
        hasRepeatedHeader: true,
        authorization: 'Basic eA==',
        otherAuthorization: 'Bearer gliamat-x',
      },
    ],
    [
      'an actor token',
      { form: 'grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=abc&actor_token=gliamat-x' },
    ],
  ]
  for (const [how, sketch] of hidden) {
    test(`is found ${how}`, () => assert.equal(facts(sketch).credential, 'iam'))
  }

  const DISPOSITION = 'Content-Disposition: form-data;'
  const heads: Array<[string, string, string]> = [
    ['multipart/form-data; boundary=b', `${DISPOSITION} name="refresh_token"`, '--b'],
    ['multipart/mixed; boundary=b', `${DISPOSITION} name=refresh_token`, '--b'],
    ['multipart/related; boundary="b"', `${DISPOSITION} name="refresh_token"`, '--b'],
    ['multipart/form-data; boundary=b c', `${DISPOSITION} name="refresh_token"`, '--b c'],
    ['multipart/form-data; boundary=b, c', `${DISPOSITION} name="refresh_token"`, '--b'],
    ['Multipart/Form-Data; BOUNDARY=b', `content-disposition:form-data; NAME="refresh_token"`, '--b'],
    ['multipart/form-data; boundary=b', `${DISPOSITION} name="a"; name="refresh_token"`, '--b'],
    ['multipart/form-data; boundary=b', `${DISPOSITION} name="refresh_token"; filename`, '--b'],
    ['multipart/form-data; boundary=b', `${DISPOSITION} name="refresh\\_token"`, '--b'],
    ['multipart/form-data; boundary=b', 'Content-ID: refresh_token', '--b'],
    [`multipart/form-data; boundary=${'b'.repeat(120)}`, `${DISPOSITION} name="refresh_token"`, `--${'b'.repeat(120)}`],
  ]
  for (const [contentType, head, delimiter] of heads) {
    test(`is found in a part: ${head} (${contentType.slice(0, 50)})`, () => {
      const body = Buffer.from(`preamble\r\n${delimiter}\r\n${head}\r\n\r\ngliamrt-x\r\n${delimiter}--\r\n`)
      assert.equal(facts({ contentType, body, query: REFRESH }).credential, 'iam')
    })
  }

  test('is ignored if no server reads the body', () => {
    assert.equal(facts({ contentType: 'text/plain', form: 'refresh_token=gliamrt-x' }).credential, 'none')
    assert.equal(facts({ method: 'PUT', contentType: undefined, form: 'refresh_token=gliamrt-x' }).credential, 'none')
    assert.equal(facts({ form: `${REFRESH}&a[refresh_token]=gliamrt-x` }).credential, 'none')
    assert.equal(facts({ json: { grant_type: 'refresh_token', a: { refresh_token: 'gliamrt-x' } } }).credential, 'none')
  })

  test('without a mark is the one that Rack reads', () => {
    const code = 'grant_type=authorization_code&code='
    assert.equal(facts({ form: `${code}a&code=b&code=c` }).presented, 'c')
    assert.equal(facts({ query: 'code=q', form: `${code}a&code=b` }).presented, 'q')
    assert.equal(facts({ query: 'code=p&code=q', form: `${code}a` }).presented, 'q')
  })
})

describe('the flow', () => {
  const authorize = (query: string) => facts({ endpoint: 'authorize', method: 'GET', query })

  test('continues with a login verifier that IAM issued', () => {
    const read = authorize(`login_verifier=${issueVerifier('login', KEY, NOW + 60)}`)
    assert.equal(read.hasGenuineVerifier, true)
    assert.equal(read.startsFlow, false)
  })
  const forged: Array<[string, string]> = [
    ['made up', 'login_verifier=x'],
    ['of 64 hex digits', `login_verifier=${'a'.repeat(64)}`],
    ['expired', `login_verifier=${issueVerifier('login', KEY, NOW - 331)}`],
    ['of another kind', `login_verifier=${issueVerifier('consent', KEY, NOW + 60)}`],
    ['signed by another key', `consent_verifier=${issueVerifier('consent', Buffer.alloc(32, 8), NOW + 60)}`],
    ['changed at its end', `login_verifier=${issueVerifier('login', KEY, NOW + 60).slice(0, -1)}`],
  ]
  for (const [how, query] of forged) {
    test(`does not continue with a verifier ${how}`, () => {
      const read = authorize(query)
      assert.equal(read.hasGenuineVerifier, false)
      assert.equal(read.startsFlow, true)
    })
  }
  test('stays on legacy when its consent form is submitted', () => {
    const read = facts({ endpoint: 'authorize', form: 'client_id=app&authenticity_token=x' })
    assert.equal(read.affinity, 'legacy')
    assert.equal(read.startsFlow, false)
  })
  test('may begin with a POST of the client itself', () => {
    assert.equal(facts({ endpoint: 'authorize', form: 'client_id=app' }).startsFlow, true)
  })
})

test('as many parameters as Rack accepts are read; more of them, or slow ones, are a fault', () => {
  assert.deepEqual(facts({ form: `${'a&'.repeat(4_095)}client_id=app` }).clientId, 'app')
  const tooMany: Sketch[] = [
    { form: `${'a&'.repeat(4_096)}client_id=app` },
    { form: `client_id=app&${'a&'.repeat(500_000)}` },
    { query: `client_id=app&${'a=%41&'.repeat(5_000)}` },
    { query: `client_id=app${'&'.repeat(4_100)}`, endpoint: 'authorize', method: 'GET' },
    { query: `client_id=app${'&;'.repeat(2_050)}`, endpoint: 'authorize', method: 'GET' },
    { form: `client_id=app&${`a${'[b]'.repeat(99)}=1&`.repeat(300)}` },
    { json: `{"client_id":"app","x":"${'\\"'.repeat(500_000)}"}` },
    { json: `{"client_id":"app"${' '.repeat(300_000)}}` },
    { json: `{"client_id":"app","x":[1${',1'.repeat(4_096)}]}` },
    { json: `{"client_id":"app","x":${'['.repeat(101)}${']'.repeat(101)}}` },
    {
      contentType: 'multipart/form-data; boundary=b',
      body: Buffer.from(`${'--b\r\nx: y\r\n\r\n\r\n'.repeat(4_097)}--b--`),
    },
  ]
  for (const sketch of tooMany) {
    const { fault, exceedsLimits } = facts(sketch)
    assert.deepEqual([fault, exceedsLimits], ['malformed_request', true])
  }
})

test('the grant type and the type of the presented credential are part of the facts', () => {
  const cases = [
    ['grant_type=authorization_code&code=a', 'authorization_code', 'authorization_code'],
    ['grant_type=refresh_token&refresh_token=a', 'refresh_token', 'refresh_token'],
    ['grant_type=client_credentials&code=a', 'client_credentials', undefined],
    ['device_code=a', undefined, 'device_code'],
  ] as const
  for (const [form, grantType, presentedType] of cases) {
    const read = facts({ form })
    assert.deepEqual([read.grantType, read.presentedType], [grantType, presentedType], form)
  }
  const revoke = facts({ endpoint: 'revoke', form: 'token=a&grant_type=password' })
  assert.deepEqual([revoke.grantType, revoke.presentedType], [undefined, 'any_token'])
})

test('a megabyte of nested JSON does no harm', () => {
  const depth = 500_000
  assert.equal(facts({ json: `${'['.repeat(depth)}${']'.repeat(depth)}` }).fault, 'malformed_request')
})

test('no input makes it throw', () => {
  const endpoints = ['token', 'authorize', 'revoke', 'introspect', 'userinfo', 'device'] as const
  const types = [FORM, 'application/json', 'multipart/form-data; boundary=b', undefined]
  fc.assert(
    fc.property(
      fc.constantFrom(...endpoints),
      fc.constantFrom(...types),
      fc.string(),
      fc.uint8Array({ maxLength: 200 }),
      fc.string(),
      (endpoint, contentType, query, body, authorization) => {
        facts({ endpoint, contentType, query, body: Buffer.from(body), authorization })
      },
    ),
  )
})

function multipart(fields: Record<string, string>): Buffer {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return Buffer.from(`${parts.join('')}--b--\r\n`)
}
