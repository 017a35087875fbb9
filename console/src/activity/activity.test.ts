import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { filterOf, readActivitySearch } from './activity-search.ts'

describe('the address of the activity', () => {
  test('keeps what it knows, and drops everything else', () => {
    const search = { by: 'alice', since: '2026-11-23', until: 'yesterday', scope: 'all', subject: '', page: '2' }
    assert.deepEqual(readActivitySearch(search), { by: 'alice', since: '2026-11-23' })
    assert.deepEqual(readActivitySearch({ scope: 'environment', since: '2026-13-45' }), { scope: 'environment' })
    assert.equal(readActivitySearch({ by: 'x'.repeat(999) }).by?.length, 255)
  })

  test('becomes a filter that includes the whole of the last day', () => {
    const { since, until, environment } = filterOf({ since: '2026-11-23', until: '2026-11-23' }, 'production')
    assert.equal(new Date(String(until)).getTime() - new Date(String(since)).getTime(), 86_400_000)
    assert.equal(environment, undefined)
    assert.equal(filterOf({ scope: 'environment' }, 'staging').environment, 'staging')
  })
})
