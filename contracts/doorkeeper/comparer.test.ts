import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compareResponse, compareScenario } from './comparer.ts'
import type { RecordedResponse, RecordedScenario } from './recording.ts'

const FULLY = { asSeen: false }
const AS_SEEN = { asSeen: true }

const redirect: RecordedResponse = {
  status: 302,
  reason: 'Found',
  headers: [
    ['Location', 'https://client.example/callback?code=<opaque:64:hex#1>&state=s1'],
    ['Content-Type', 'text/html; charset=utf-8'],
    ['Cache-Control', 'no-cache'],
    ['Set-Cookie', '_session=<cookie>; path=/; HttpOnly; SameSite=Lax'],
  ],
  html: { forms: [], text: 'You are being redirected.' },
}
const json: RecordedResponse = {
  status: 200,
  reason: 'OK',
  headers: [
    ['Content-Type', 'application/json; charset=utf-8'],
    ['Cache-Control', 'no-store'],
    ['Pragma', 'no-cache'],
  ],
  json: {
    access_token: '<opaque:64:hex#1>',
    expires_in: 7200,
    scope: ['api'],
    nested: { one: 1, two: { a: 1, b: 2 } },
  },
}
const page: RecordedResponse = {
  status: 200,
  reason: 'OK',
  headers: [['Content-Type', 'text/html; charset=utf-8']],
  html: {
    text: 'Authorize?',
    forms: [
      {
        method: 'post',
        action: '/oauth/authorize',
        fields: [
          ['client_id', '{uid:conf}'],
          ['commit', 'Yes'],
        ],
      },
    ],
  },
}
const plain: RecordedResponse = {
  status: 413,
  reason: '',
  headers: [['Content-Type', 'text/plain']],
  body: 'Too large',
}

/** The same response with some headers replaced; undefined removes one. */
function withHeaders(
  answer: RecordedResponse,
  changed: Readonly<Record<string, string | undefined>>,
): RecordedResponse {
  const kept = answer.headers.filter(([name]) => !Object.hasOwn(changed, name))
  const added = Object.entries(changed).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return { ...answer, headers: [...kept, ...added] }
}

function withForm(change: Partial<NonNullable<RecordedResponse['html']>['forms'][number]>): RecordedResponse {
  const form = page.html?.forms[0]
  assert.ok(form)
  return { ...page, html: { text: '', forms: [{ ...form, ...change }] } }
}

const parts = (wanted: RecordedResponse, got: RecordedResponse, how = FULLY) =>
  compareResponse(wanted, got, how).map(([part]) => part)

describe('a planted difference is found:', () => {
  const planted: ReadonlyArray<readonly [what: string, wanted: RecordedResponse, got: RecordedResponse, part: string]> =
    [
      ['a status', json, { ...json, status: 201 }, 'status'],
      ['a header that changed', json, withHeaders(json, { 'Cache-Control': 'no-cache' }), 'cache-control'],
      ['a header that is gone', json, withHeaders(json, { Pragma: undefined }), 'pragma'],
      ['a header that came', json, withHeaders(json, { 'WWW-Authenticate': 'Bearer' }), 'www-authenticate'],
      ['a header given twice', json, { ...json, headers: [...json.headers, ['Pragma', 'no-cache']] }, 'pragma'],
      [
        'the order of lines of one header',
        {
          ...json,
          headers: [
            ['Allow', 'GET'],
            ['Allow', 'POST'],
          ],
        },
        {
          ...json,
          headers: [
            ['Allow', 'POST'],
            ['Allow', 'GET'],
          ],
        },
        'allow',
      ],
      ['a content type', json, withHeaders(json, { 'Content-Type': 'text/html' }), 'content-type'],
      ['a member that changed', json, { ...json, json: { ...Object(json.json), expires_in: 3600 } }, 'body'],
      ['a member of another type', json, { ...json, json: { ...Object(json.json), expires_in: '7200' } }, 'body'],
      ['a member that is gone', json, { ...json, json: { access_token: '<opaque:64:hex#1>' } }, 'body'],
      ['a member that came', json, { ...json, json: { ...Object(json.json), id_token: 'x' } }, 'body'],
      ['a list where a value was', json, { ...json, json: { ...Object(json.json), scope: 'api' } }, 'body'],
      [
        'the shape of a secret',
        json,
        { ...json, json: { ...Object(json.json), access_token: '<opaque:51:base64url#1>' } },
        'body',
      ],
      [
        'the order of members',
        json,
        { ...json, json: Object.fromEntries(Object.entries(Object(json.json)).reverse()) },
        'body',
      ],
      [
        'the order of members further down',
        json,
        { ...json, json: { ...Object(json.json), nested: { one: 1, two: { b: 2, a: 1 } } } },
        'body',
      ],
      ['no JSON where it was', json, { ...json, json: undefined, body: '' }, 'body'],
      ['JSON where there was none', { ...json, json: undefined, body: '' }, json, 'body'],
      ['a body', plain, { ...plain, body: 'Too big' }, 'body'],
      [
        'the host of a redirect',
        redirect,
        withHeaders(redirect, { Location: 'https://evil.example/callback?code=<opaque:64:hex#1>&state=s1' }),
        'location',
      ],
      [
        'a parameter of a redirect',
        redirect,
        withHeaders(redirect, { Location: 'https://client.example/callback?code=<opaque:64:hex#1>&state=s2' }),
        'location',
      ],
      [
        'a redirect with its answer in the fragment',
        redirect,
        withHeaders(redirect, { Location: 'https://client.example/callback#code=<opaque:64:hex#1>&state=s1' }),
        'location',
      ],
      [
        'what a fragment says',
        withHeaders(redirect, { Location: 'https://client.example/callback#code=1' }),
        withHeaders(redirect, { Location: 'https://client.example/callback#code=2' }),
        'location',
      ],
      ['a field of a form', page, withForm({ fields: [['client_id', '{uid:other}']] }), 'forms'],
      [
        'a field that came',
        page,
        withForm({
          fields: [
            ['client_id', '{uid:conf}'],
            ['nonce', ''],
          ],
        }),
        'forms',
      ],
      ['where a form leads', page, withForm({ action: 'https://evil.example/' }), 'forms'],
      ['a form that is gone', page, { ...page, html: { text: '', forms: [] } }, 'forms'],
      [
        'a cookie where there was none',
        json,
        withHeaders(json, { 'Set-Cookie': 'a=<cookie>; HttpOnly; SameSite=Lax' }),
        'set-cookie',
      ],
      [
        'a cookie that scripts may read',
        redirect,
        withHeaders(redirect, { 'Set-Cookie': 'a=<cookie>; SameSite=Lax' }),
        'set-cookie',
      ],
      [
        'a cookie for other sites',
        redirect,
        withHeaders(redirect, { 'Set-Cookie': 'a=<cookie>; HttpOnly' }),
        'set-cookie',
      ],
    ]
  for (const [what, wanted, got, part] of planted) {
    test(what, () => {
      assert.deepEqual([...new Set(parts(wanted, got))], [part])
      assert.deepEqual(parts(wanted, wanted), [])
    })
  }
})

describe('a harmless difference is ignored:', () => {
  const same: ReadonlyArray<readonly [what: string, wanted: RecordedResponse, got: RecordedResponse]> = [
    ['the order of headers of different names (RFC 9110 §5.3)', json, { ...json, headers: json.headers.toReversed() }],
    ['which secret it is', json, { ...json, json: { ...Object(json.json), access_token: '<opaque:64:hex#9>' } }],
    [
      'the order of a query',
      redirect,
      withHeaders(redirect, { Location: 'https://client.example/callback?state=s1&code=<opaque:64:hex#1>' }),
    ],
    ['the spelling of a content type', json, withHeaders(json, { 'Content-Type': 'Application/JSON;charset="utf-8"' })],
    [
      'the order of caching directives',
      withHeaders(json, { 'Cache-Control': 'private, no-store' }),
      withHeaders(json, { 'Cache-Control': 'no-store, private' }),
    ],
    [
      'the label of a button',
      page,
      withForm({
        fields: [
          ['client_id', '{uid:conf}'],
          ['commit', 'Go'],
        ],
      }),
    ],
    [
      'the name of a session cookie',
      redirect,
      withHeaders(redirect, { 'Set-Cookie': 'b=<cookie>; HttpOnly; SameSite=Lax' }),
    ],
    ['a header nobody goes by', json, withHeaders(json, { 'X-Runtime': '1' })],
  ]
  for (const [what, wanted, got] of same) test(what, () => assert.deepEqual(parts(wanted, got), []))
})

describe('as the client and the user see it', () => {
  test('secrets may have any shape, but must be present', () => {
    const other = { ...json, json: { ...Object(json.json), access_token: '<opaque:51:base64url#1>' } }
    assert.deepEqual(parts(json, other, AS_SEEN), [])
    assert.deepEqual(parts(json, { ...json, json: { ...Object(json.json), access_token: '' } }, AS_SEEN), ['body'])
  })

  test('pages count by status, type and target', () => {
    assert.deepEqual(parts(page, withForm({ action: '/-/iam/consent', fields: [] }), AS_SEEN), [])
    assert.deepEqual(parts(page, { ...page, status: 404 }, AS_SEEN), ['status'])
    assert.deepEqual(parts(redirect, withHeaders(redirect, { Location: 'https://evil.example/' }), AS_SEEN), [
      'location',
    ])
    assert.deepEqual(parts(redirect, withHeaders(redirect, { 'Cache-Control': 'no-store' }), AS_SEEN), [])
  })

  test('responses that are not pages are compared completely', () => {
    assert.deepEqual(parts(json, withHeaders(json, { Pragma: undefined }), AS_SEEN), ['pragma'])
  })
})

describe('a scenario', () => {
  const request = { method: 'POST', path: '/oauth/token', headers: {} }
  const scenario = (...answers: RecordedResponse[]): RecordedScenario => ({
    id: 'X001',
    title: '',
    steps: [{ setup: true, request, response: plain }, ...answers.map((response) => ({ request, response }))],
  })

  test('is compared step by step, without its set-up', () => {
    const found = compareScenario(scenario(json, json), scenario(json, { ...json, status: 400 }), FULLY)
    assert.deepEqual(found, [{ step: 2, part: 'status', line: 'status: 200, now 400' }])
  })

  test('with fewer or more steps differs', () => {
    for (const now of [scenario(json), scenario(json, json, json)]) {
      assert.deepEqual(
        compareScenario(scenario(json, json), now, FULLY).map(({ part }) => part),
        ['steps'],
      )
    }
  })
})
