import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HttpRequest } from '../../http/index.ts'
import { readParameters } from './read.ts'

const FORM = 'application/x-www-form-urlencoded'
const PART = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'

function request(part: {
  method?: string
  query?: string
  type?: string
  body?: string | Buffer
  headers?: object
}): HttpRequest {
  const { method = 'POST', query = '', type, body = '' } = part
  const headers = { ...(type === undefined ? {} : { 'content-type': type }), ...part.headers }
  return { method, path: '/oauth/token', query, headers, body: Buffer.from(body), remoteAddress: '', origin: '' }
}

function parametersOf(part: Parameters<typeof request>[0]): unknown {
  const read = readParameters(request(part))
  assert.ok(read.ok)
  return JSON.parse(JSON.stringify(read.parameters))
}

function statusOf(part: Parameters<typeof request>[0]): number {
  const read = readParameters(request(part))
  return read.ok ? 200 : read.reply.status
}

describe('the parameters of a request', () => {
  it('come from query and body; the query wins, and the last of equal names', () => {
    assert.deepEqual(parametersOf({ type: FORM, query: 'code=q', body: 'code=b&code=c&x=1&x=2' }), {
      code: 'q',
      x: '2',
    })
  })

  it('are nested with brackets', () => {
    const body = 'a[b]=1&a[c][]=2&a[c][]=3&l[]=x&l[]=y&o[][k]=1&o[][v]=2&o[][k]=3'
    assert.deepEqual(parametersOf({ type: FORM, body }), {
      a: { b: '1', c: ['2', '3'] },
      l: ['x', 'y'],
      o: [{ k: '1', v: '2' }, { k: '3' }],
    })
  })

  it('may also be separated by semicolons in the query only', () => {
    assert.deepEqual(parametersOf({ type: FORM, query: 'a=1;b=2', body: 'c=3;d=4' }), { a: '1', b: '2', c: '3;d=4' })
  })

  it('are decoded, with a plus as a space', () => {
    assert.deepEqual(parametersOf({ type: FORM, body: 'a=x+y%20z&b=%C3%A9&c&d=' }), {
      a: 'x y z',
      b: 'é',
      c: null,
      d: '',
    })
    assert.deepEqual(parametersOf({ type: FORM, body: 'a=é' }), { a: 'é' })
  })

  it('may have the names of inherited object members without reaching them', () => {
    const read = readParameters(
      request({ type: FORM, body: '__proto__[polluted]=1&constructor[prototype][polluted]=1' }),
    )
    assert.ok(read.ok)
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
    assert.deepEqual(Object.keys(read.parameters), ['__proto__', 'constructor'])
  })

  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/jsonrequest',
  ]) {
    it(`come from a JSON body of type ${type}`, () => {
      assert.deepEqual(parametersOf({ type, body: '{"a":1,"b":null}', query: 'c=2' }), { a: 1, b: null, c: '2' })
    })
  }

  it('are under _json when the JSON body is not an object', () => {
    assert.deepEqual(parametersOf({ type: 'application/json', body: '[1,2]' }), { _json: [1, 2] })
  })

  it('come from a multipart body, where a file is not text', () => {
    const body =
      '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n2\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\ny\r\n--b--\r\n'
    assert.deepEqual(parametersOf({ type: 'multipart/form-data; boundary=b', body }), { a: '1\r\n2', f: { name: 'f' } })
  })

  it('a truncated multipart body yields no parameters', () => {
    const type = 'multipart/form-data; boundary=b'
    for (const body of ['--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1', 'a=1', '--b\r\n', '']) {
      assert.deepEqual(parametersOf({ type, body, query: 'c=2' }), { c: '2' })
    }
  })

  it('come from a multipart body without a boundary as if it were a form', () => {
    assert.deepEqual(parametersOf({ type: 'multipart/form-data', body: 'a=1' }), { a: '1' })
  })

  it('come from a POST without a content type as if it were a form, and from no other type', () => {
    assert.deepEqual(parametersOf({ body: 'a=1' }), { a: '1' })
    assert.deepEqual(parametersOf({ method: 'DELETE', body: 'a=1' }), {})
    assert.deepEqual(parametersOf({ type: 'text/plain', body: 'a=1' }), {})
  })

  it('change the method of a POST with _method, in a form only', () => {
    const methods = [
      readParameters(request({ type: FORM, body: '_method=delete' })).method,
      readParameters(request({ type: FORM, query: '_method=delete', body: 'a=1' })).method,
      readParameters(request({ type: 'application/json', body: '{"_method":"delete"}' })).method,
      readParameters(request({ type: FORM, body: '_method=brew' })).method,
      readParameters(request({ headers: { 'x-http-method-override': 'patch' } })).method,
    ]
    assert.deepEqual(methods, ['DELETE', 'POST', 'POST', 'POST', 'PATCH'])
  })

  const faults: ReadonlyArray<readonly [string, Parameters<typeof request>[0], number]> = [
    ['a broken percent escape', { type: FORM, body: 'a=%zz' }, 400],
    ['a percent sign at the end', { query: 'a=%4' }, 400],
    ['bytes that are not UTF-8', { type: FORM, body: 'a=%ff%fe' }, 400],
    ['a raw byte that is not UTF-8', { type: FORM, body: Buffer.from([0x61, 0x3d, 0xff]) }, 400],
    ['a name that is both text and list', { type: FORM, body: 'a=1&a[]=2' }, 400],
    ['a name that is both list and hash', { type: FORM, body: 'a[]=1&a[b]=2' }, 400],
    ['brackets too deep', { type: FORM, body: `a${'[b]'.repeat(200)}=1` }, 400],
    ['brackets without end in all', { type: FORM, body: `a${'[b]'.repeat(90)}=1&`.repeat(200) }, 400],
    ['names of more than 64 KiB in all', { type: FORM, body: `${'a'.repeat(33_000)}=1&${'b'.repeat(33_000)}=2` }, 400],
    ['more parts than a form has', { type: 'multipart/form-data; boundary=b', body: PART.repeat(1_025) }, 400],
    ['malformed JSON', { type: 'application/json', body: '{"a":' }, 400],
    ['JSON that is not UTF-8', { type: 'application/json', body: Buffer.from([0x22, 0xff, 0x22]) }, 400],
    ['more parameters than Rack takes', { type: FORM, body: 'a=1&'.repeat(4_096) }, 400],
    ['more separators than Rack takes', { query: `client_id=a${'&'.repeat(4_096)}` }, 400],
    ['JSON nested too deeply', { type: 'application/json', body: `{"a":${'['.repeat(1 << 19)}` }, 400],
    ['JSON of too many members', { type: 'application/json', body: `[1${',1'.repeat(4_096)}]` }, 400],
    ['a body of more than 1 MiB', { type: FORM, body: Buffer.alloc((1 << 20) + 1, 0x61) }, 413],
  ]
  for (const [what, part, status] of faults) {
    it(`answers ${what} with ${status}`, () => assert.equal(statusOf(part), status))
  }

  it('that are invalid answer 400 with an empty HTML body, or JSON on request', () => {
    const html = readParameters(request({ type: FORM, body: 'a=%zz' }))
    assert.ok(!html.ok)
    assert.deepEqual(html.reply, { status: 400, headers: [['Content-Type', 'text/html; charset=UTF-8']], body: '' })
    const json = readParameters(request({ type: FORM, body: 'a=%zz', headers: { accept: 'application/json' } }))
    assert.ok(!json.ok)
    assert.equal(json.reply.body, '{"status":400,"error":"Bad Request"}')
  })

  it('are counted before they are parsed, and parsed in one pass', () => {
    assert.equal(statusOf({ type: FORM, body: 'a=1&'.repeat(250_000), query: '&'.repeat(1_000_000) }), 400)
    assert.equal(statusOf({ type: FORM, body: `${'a[]'.repeat(300_000)}=1` }), 400)
    assert.equal(statusOf({ type: FORM, body: `x=${'%41'.repeat(300_000)}` }), 200)
    assert.equal(statusOf({ type: FORM, body: `${'['.repeat(1_000_000)}=1` }), 400)
  })
})
