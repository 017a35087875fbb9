import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readText, type SavedObject, savedSearches } from './shipped.ts'

const lines = readText('observability/kibana/handover.ndjson').trimEnd().split('\n')
const objects = lines.map((line) => JSON.parse(line) as SavedObject & Record<string, unknown>)

test("the export is in Kibana's import format: objects with versions, and a summary that counts them", () => {
  const summary = objects.at(-1)
  const saved = objects.slice(0, -1)
  assert.equal(summary?.exportedCount, saved.length)
  for (const object of saved) {
    for (const member of ['id', 'type', 'attributes', 'references', 'coreMigrationVersion', 'typeMigrationVersion']) {
      assert.ok(member in object, `${object.id} lacks ${member}`)
    }
  }
})

test('every reference points to an object of the export, with the name that the search uses', () => {
  const ids = new Set(objects.map(({ id, type }) => `${type} ${id}`))
  const searches = objects.filter(({ type }) => type === 'search')
  assert.equal(searches.length, 3)
  for (const { id, references = [], attributes } of searches) {
    assert.deepEqual(
      references.filter((one) => !ids.has(`${one.type} ${one.id}`)),
      [],
    )
    const source = attributes?.kibanaSavedObjectMeta?.searchSourceJSON ?? ''
    assert.equal((JSON.parse(source) as { indexRefName: string }).indexRefName, references[0]?.name, id)
  }
})

test('the three searches are those of the rollout checklist', () => {
  assert.deepEqual(
    savedSearches().map(({ id }) => id),
    ['handover-gateway-routing', 'handover-routing-endpoint', 'handover-grants'],
  )
})
