import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HttpRequest } from '../../http/index.ts'
import { errorDocument } from './error-document.ts'

const typeOf = (status: 404 | 500, path: string, accept?: string) => {
  const request = { path, headers: { accept } } as HttpRequest
  return errorDocument(status, request).headers[0]?.[1]
}

describe('an error of the framework', () => {
  it('uses the format of its path, where a route exists', () => {
    assert.equal(typeOf(500, '/oauth/authorize.json'), 'application/json; charset=UTF-8')
    assert.equal(typeOf(500, '/oauth/authorize.xml/', 'application/json'), 'application/xml; charset=UTF-8')
    assert.equal(typeOf(500, '/oauth/authorize.pdf', 'application/json'), 'text/html; charset=UTF-8')
  })

  it('uses the accepted format, where no route exists', () => {
    assert.equal(typeOf(404, '/oauth/nope.json'), 'text/html; charset=UTF-8')
    assert.equal(typeOf(404, '/oauth/token.xml', 'application/json'), 'application/json; charset=UTF-8')
  })
})
