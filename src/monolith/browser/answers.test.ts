import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contentSecurityPolicy } from './answers.ts'
import { routeTable } from './routes.ts'

describe('the policy of a page', () => {
  const formAction = (addresses: readonly string[]) => /form-action ([^;]*)/.exec(contentSecurityPolicy(addresses))?.[1]

  test('lets forms lead to the scheme of the client, including a custom scheme', () => {
    assert.equal(formAction(['https://app.example.test/callback']), "'self' https:")
    assert.equal(formAction(['myapp://callback']), "'self' myapp:")
    assert.equal(formAction(['HTTP://127.0.0.1/']), "'self' http:")
  })

  test('adds nothing for an address that is displayed rather than visited, nor for an invalid address', () => {
    assert.equal(formAction(['urn:ietf:wg:oauth:2.0:oob']), "'self'")
    assert.equal(formAction(["nonsense; script-src 'unsafe-inline'"]), "'self'")
  })

  test('allows no scripts and no frames', () => {
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

  test('matches a path with doubled and trailing slashes and with a suffix', () => {
    for (const path of ['/a/b', '/a/b/', '//a//b', '/a/b.json', '/a/b.html/']) assert.ok(find(path), path)
  })

  test('extracts the value of a placeholder, which is a number', () => {
    assert.equal(find('/a/12/edit')?.segments['id'], '12')
    assert.equal(find('/a/x/edit'), undefined)
  })

  test('does not match other paths or other spellings', () => {
    for (const path of ['/a', '/A/b', '/a/b/c', '/a/b.', '/a/1/edit/x', '']) assert.equal(find(path), undefined, path)
    assert.ok(find('/'))
  })

  test('lists the methods of a path', () => {
    assert.deepEqual([...(find('/a/b')?.answers.keys() ?? [])], ['GET'])
  })
})
