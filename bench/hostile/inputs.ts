/** A request that is designed to keep a server busy. */
export interface HostileInput {
  readonly name: string
  /** Default: POST. */
  readonly method?: 'GET' | 'POST'
  /** Appended to the path. */
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const MEBIBYTE = 1 << 20
/** The maximum size of a request head on the strictest of the servers, minus the usual headers. */
const HEAD = 14 << 10
const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'
const MULTIPART = 'multipart/form-data; boundary=b'

/** Repeats `piece` to just below `length` characters. */
function fill(piece: string, length = MEBIBYTE - 200): string {
  return piece.repeat(Math.floor(length / piece.length))
}

function form(name: string, body: string): HostileInput {
  return { name: `form: ${name}`, headers: { 'content-type': FORM }, body }
}

function json(name: string, body: string, type = JSON_TYPE): HostileInput {
  return { name: `JSON: ${name}`, headers: { 'content-type': type }, body }
}

function multipart(name: string, body: string, type = MULTIPART): HostileInput {
  return { name: `multipart: ${name}`, headers: { 'content-type': type }, body }
}

function head(name: string, headers: Readonly<Record<string, string>>, query = ''): HostileInput {
  return { name: `head: ${name}`, method: 'GET', headers, query }
}

const part = (name: string, value = 'x') => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
const deep = Buffer.from('['.repeat(6_000)).toString('base64url')
/** A JWT with claims that consist only of brackets. */
const deepJwt = `${deep.slice(0, 100)}.${deep}.x`

const FORMS = [
  form('separators', fill('&')),
  form('pairs', fill('a=1&')),
  form('4,000 pairs', 'abcdefgh=1234567890&'.repeat(4_000)),
  form(
    '4,000 pairs of one routing name',
    `grant_type=refresh_token&${'refresh_token=gliamrt-abcdefgh&'.repeat(4_000)}`,
  ),
  form('4,000 tokens', 'token=gliamat-abcdefgh&'.repeat(4_000)),
  form('100 tokens that are JWTs', `token=${deepJwt}&`.repeat(100)),
  form('assertions that are JWTs', `client_assertion=${deepJwt}&`.repeat(100)),
  form('escapes', `a=${fill('%41')}`),
  form('escapes in a routing name', `grant_type=refresh_token&refresh_token=${fill('%41')}`),
  form('escapes of two bytes', `token=${fill('%c3%a9')}`),
  form('pluses', `a=${fill('+')}`),
  form('pluses in a name', fill('+')),
  form('pluses in a credential', `token=${fill('+')}`),
  form('spaces behind a separator', `a=1&${fill(' ')}`),
  form('semicolons', `a=${fill(';')}`),
  form('4,000 semicolons', `a=${';token=x'.repeat(4_000)}`),
  form('equals signs', fill('=')),
  form('raw UTF-8', `token=${fill('é', MEBIBYTE / 2)}`),
  form('NULs', `token=${fill('\0')}`),
  form('percent signs', fill('%')),
  form('brackets', `${fill('[')}=1`),
  form('closing brackets', `${fill(']')}=1`),
  form('names nested without end', `a${fill('[b]')}=1`),
  form('names nested a hundred deep', `a${'[b]'.repeat(99)}=1&`.repeat(3_000)),
  form('lists in lists', `${fill('a[]')}=1`),
  form('a list of hashes', `${'a[][b]=1&'.repeat(4_000)}`),
  form('a list of hashes of long names', `a[]${fill('[b]', 250)}=1&`.repeat(3_900)),
  form('hashes of hashes of a routing name', `token${fill('[a]', 240)}=1&`.repeat(4_000)),
  ...['scope', 'redirect_uri', 'client_id', 'code', 'code_verifier', 'refresh_token', 'token', 'device_code'].map(
    (name) => form(`a long ${name}`, `grant_type=authorization_code&client_id=x&${name}=${fill('a ')}`),
  ),
  form('a scope of many names', `grant_type=client_credentials&client_id=x&scope=${fill('a+b+')}`),
  form('a long password', `grant_type=password&username=alice&password=${fill('a')}`),
  form('a long sign-in', `user[login]=${fill('a', MEBIBYTE / 2)}&user[password]=${fill('b', MEBIBYTE / 2)}`),
  { ...form('JSON in a form', fill('[')), name: 'no type: brackets', headers: {} },
]

const JSONS = [
  json('brackets', fill('[')),
  json('braces', fill('{"a":')),
  json('nested lists', fill('[', MEBIBYTE / 2) + fill(']', MEBIBYTE / 2)),
  json('brackets in a member', `{"token":"x","a":${fill('[')}`),
  json('brackets as text/x-json', fill('['), 'text/x-json'),
  json('empty lists', `[${fill('[],')}[]]`),
  json('members', `{${Array.from({ length: 80_000 }, (_, at) => `"${at.toString(36)}":1`).join(',')}}`),
  json('4,000 members', `{${Array.from({ length: 4_000 }, (_, at) => `"${at.toString(36)}":1`).join(',')}}`),
  json('4,000 members of one name', `{${Array.from({ length: 4_000 }, () => '"token":"gliamat-x"').join(',')}}`),
  json('4,000 long members', `{${Array.from({ length: 4_000 }, (_, at) => `"${at}":"${'x'.repeat(240)}"`).join(',')}}`),
  json('escapes', `{"token":"${fill('\\u0041')}"}`),
  json('escaped quotes', `{"token":"${fill('\\"')}"}`),
  json('backslashes', `{"token":"${fill('\\\\')}"}`),
  json('quotes', fill('"')),
  json('a string that never ends', `{"token":"${fill('a')}`),
  json('white space', `{${fill(' ')}"token":"x"}`),
  json('digits', `{"token":${fill('1')}}`),
  json('digits behind a point', `{"token":0.${fill('1')}e-400}`),
  json('raw UTF-8', `{"token":"${fill('é', MEBIBYTE / 2)}"}`),
  json('comments', `{${fill('/**/')}"token":"x"}`),
  json('commas', fill(',')),
  json('colons', fill(':')),
]

const MULTIPARTS = [
  multipart('parts', `${fill(part('a'))}--b--`),
  multipart('4,000 parts of a routing name', `${part('token', 'gliamat-x').repeat(4_000)}--b--`),
  multipart('nested names', `${part(`a${'[b]'.repeat(60)}`).repeat(4_000)}--b--`),
  multipart('a long value', `${part('token', fill('a'))}--b--`),
  multipart('one head', `--b\r\nContent-Disposition: form-data; ${fill('a')}`),
  multipart(
    'heads of 60 KiB',
    `--b\r\nContent-Disposition: form-data${fill(';name=a', 60_000)}\r\n\r\nx\r\n`.repeat(17),
  ),
  multipart(
    'unclosed quotes',
    `--b\r\nContent-Disposition: form-data${fill(';name="', 60_000)}\r\n\r\nx\r\n`.repeat(17),
  ),
  multipart('spaces in heads', `--b\r\nContent-Disposition: form-data;${fill(' ', 60_000)}\r\n\r\nx\r\n`.repeat(17)),
  multipart(
    'backslashes in heads',
    `--b\r\nContent-Disposition: form-data; name="${fill('\\"', 60_000)}\r\n\r\nx\r\n`.repeat(17),
  ),
  multipart('dashes', fill('-'), 'multipart/form-data; boundary=-'),
  multipart('almost boundaries', fill('--bx')),
  multipart('a boundary of 14 KiB', fill('--'), `multipart/form-data; boundary=${fill('-', HEAD)}`),
  multipart('many boundaries', '--b--', `multipart/form-data; ${fill('boundary ', HEAD)}`),
]

const HEADS = [
  head('200 headers', Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`x-${at}`, 'y'.repeat(40)]))),
  head('many cookies', { cookie: fill('a=b; ', HEAD) }),
  head('cookies of one name', { cookie: fill('_handover_flow_x=1.2.3; ', HEAD) }),
  head('spaces within If-None-Match', { 'if-none-match': `"a"${fill(' ', HEAD)}x` }),
  head('commas for If-None-Match', { 'if-none-match': fill(' ,', HEAD) }),
  head('spaces within Accept-Encoding', { 'accept-encoding': `gzip${fill(' ', HEAD)}x` }),
  head('commas for Accept-Encoding', { 'accept-encoding': fill(' ,', HEAD) }),
  head('semicolons for cookies', { cookie: fill(';', HEAD) }),
  head('spaces for cookies', { cookie: `a${fill(' ', HEAD)}=b` }),
  head('a long Basic', { authorization: `Basic ${fill('QUJD', HEAD)}` }),
  head('a long bearer', { authorization: `Bearer ${fill('a', HEAD)}` }),
  head('a bearer that is a JWT of brackets', { authorization: `Bearer ${deepJwt}` }),
  head('spaces in Authorization', { authorization: `Bearer${fill(' ', HEAD)}x` }),
  head('a long Accept', { accept: fill('a/b;q=0.1,', HEAD) }),
  head('spaces in Accept', { accept: `a/b${fill(' ', HEAD)},text/html` }),
  head('a long If-None-Match', { 'if-none-match': fill('"a" , ', HEAD) }),
  head('spaces in If-None-Match', { 'if-none-match': `"a"${fill(' ', HEAD)}"b"` }),
  head('many addresses', { 'x-forwarded-for': fill('1.2.3.4, ', HEAD), forwarded: 'for=1.2.3.4' }),
  head('a long Accept-Language', { 'accept-language': fill('de;q=0.1,', HEAD) }),
  head('a long Content-Type', { 'content-type': fill('a;', HEAD) }),
  head('a long Origin', { origin: `https://${fill('a.', HEAD)}` }),
  head('a long traceparent', { traceparent: fill('00-', HEAD) }),
  head('many Connection names', { connection: `keep-alive, ${fill('x,', HEAD)}` }),
  head('escapes in the query', {}, fill('%41', HEAD)),
  head('pluses in the query', {}, `scope=${fill('+', HEAD)}`),
  head('separators in the query', {}, fill('&', HEAD)),
  head('semicolons in the query', {}, fill(';a=b', HEAD)),
  head('nested names in the query', {}, `a${fill('[b]', HEAD)}=1`),
  head('a scope of many names', {}, `client_id=x&response_type=code&scope=${fill('a+', HEAD)}`),
  head('a prompt of many values', {}, `client_id=x&response_type=code&prompt=${fill('a+', HEAD)}`),
  head('a long redirect_uri', {}, `client_id=x&response_type=code&redirect_uri=https://${fill('a.', HEAD)}`),
  head('a redirect_uri of slashes', {}, `client_id=x&response_type=code&redirect_uri=https://a${fill('/', HEAD)}`),
]

/** Requests that cost a server much more than others of their size, or once did. */
export const HOSTILE_INPUTS: readonly HostileInput[] = [...FORMS, ...JSONS, ...MULTIPARTS, ...HEADS]

/** Paths that a server has to parse closely. */
export const HOSTILE_PATHS: readonly string[] = [
  `/${fill('/', HEAD)}oauth/token`,
  `/oauth/token${fill('/', HEAD)}`,
  `/oauth/token.${fill('a.', HEAD)}`,
  `/oauth/device/${fill('../', HEAD)}`,
  `/oauth/device/${fill('%2e', HEAD)}`,
  `/o/${fill('a', HEAD)}/oauth/token`,
  `${fill('/o/a', HEAD)}/oauth/token`,
  `/${fill('%6f', HEAD)}/oauth/token`,
]
