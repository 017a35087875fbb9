import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contentSecurityPolicy } from './answers.ts'
import { routeTable } from './routes.ts'

describe('the policy of a page', () => {
  const formAction = (addresses: readonly string[]) => /form-action ([^;]*)/.exec(contentSecurityPolicy(addresses))?.[1]

  test('lets forms lead to the scheme of the client, also one of its own', () => {
    assert.equal(formAction(['https://app.example.test/callback']), "'self' https:")
    assert.equal(formAction(['myapp://callback']), "'self' myapp:")
    assert.equal(formAction(['HTTP://127.0.0.1/']), "'self' http:")
  })

  test('adds nothing for an address that is shown, not visited, nor for what is no address', () => {
    assert.equal(formAction(['urn:ietf:wg:oauth:2.0:oob']), "'self'")
    assert.equal(formAction(["nonsense; script-src 'unsafe-inline'"]), "'self'")
  })

  test('allows no script and no frame', () => {
    assert.match(
      contentSecurityPolicy([]),
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; frame-ancestors 'self'/,
    )
  })
})

describe('the table of pages', () => {
  const find = routeTable({
    'GET /': async () => ({ status: 200, headers: [], body: '' }),
    'GET /a/b': async () => ({ status: 200, headers: [], body: '' }),
    'POST /a/:id/edit': async () => ({ status: 200, headers: [], body: '' }),
  })

  test('finds a path with doubled and trailing slashes and with a suffix', () => {
    for (const path of ['/a/b', '/a/b/', '//a//b', '/a/b.json', '/a/b.html/']) assert.ok(find(path), path)
  })

  test('reads what a placeholder stands for, which is a number', () => {
    assert.equal(find('/a/12/edit')?.segments['id'], '12')
    assert.equal(find('/a/x/edit'), undefined)
  })

  test('knows nothing of other paths, nor of other spellings', () => {
    for (const path of ['/a', '/A/b', '/a/b/c', '/a/b.', '/a/1/edit/x', '']) assert.equal(find(path), undefined, path)
    assert.ok(find('/'))
  })

  test('tells the methods of a path', () => {
    assert.deepEqual([...(find('/a/b')?.answers.keys() ?? [])], ['GET'])
  })
})
