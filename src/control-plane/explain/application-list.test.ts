import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import type { OutcomeCause } from '../../outcomes/index.ts'
import { createControlPlaneTarget } from '../../replication/index.ts'
import { sortOf } from '../outcomes/outcome-tables.ts'
import { SortedIds } from '../state/sorted-ids.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const LIST = '/api/v1/applications'

for (const engine of testDatabases()) {
  describe(`the list of applications on ${engine.kind}`, () => {
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database)
      // Not in the order of ids, so that the list has to sort them.
      for (const id of [5, 1, 7, 3, 2]) await plane.announce(testApplication(id), id === 7 ? null : 1)
      await setTraffic({ 1: { success: 5 }, 3: { success: 70, server: 2 }, 5: { success: 20, server: 10 } })
      await plane.announce(testApplication(4, { name: 'Straße & Söhne', client_id: 'ABCDEF' }))
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: { value: 'true', oauth_application: '2,3' } })
    })
    after(async () => {
      await plane.close()
      await store.close()
    })

    const idsOf = async (query: string) => {
      const { json, text } = await plane.ask('GET', `${LIST}?${query}`)
      assert.ok(json.applications, text)
      return json.applications.map(({ id }: { id: number }) => id)
    }

    test('comes in pages in the order of ids, and each page says where the next one begins', async () => {
      const pages: number[][] = []
      for (let after: number | null = 0; after !== null; ) {
        const { json } = await plane.ask('GET', `${LIST}?limit=2&after=${after}`)
        pages.push(json.applications.map(({ id }: { id: number }) => id))
        after = json.next
      }
      assert.deepEqual(
        pages,
        [
          [1, 2],
          [3, 4],
          [5, 7],
        ],
        'a full last page has no empty one behind it',
      )
      assert.deepEqual(await idsOf('after=5'), [7])
      assert.deepEqual(await idsOf('after=7'), [])
    })

    test('filters by side, by whether IAM holds the application, and by text or id', async () => {
      assert.deepEqual(await idsOf('side=iam'), [2, 3])
      assert.deepEqual(await idsOf('side=rails&arrived=true'), [1, 4, 5])
      assert.deepEqual(await idsOf('arrived=false'), [7])
      assert.deepEqual(await idsOf('failing=true'), [])
      assert.deepEqual(await idsOf('search=7'), [7], 'an id counts as a whole')
      assert.deepEqual(await idsOf(`search=${encodeURIComponent('straße & s')}`), [4])
      assert.deepEqual(await idsOf('search=bcde'), [4])
      assert.deepEqual(await idsOf('search=client-&limit=2'), [1, 2])
      assert.deepEqual(await idsOf('side=iam&environment=staging'), [], 'by the flag of that environment')
    })

    test('sorts by name, flows a day and trouble, and counts what the filter selects on the first page', async () => {
      const read = async (query: string) => (await plane.ask('GET', `${LIST}?${query}`)).json
      assert.deepEqual(await idsOf('sort=name'), [1, 2, 3, 5, 7, 4])
      assert.deepEqual(await idsOf('sort=name&order=desc'), [4, 7, 5, 3, 2, 1])
      assert.deepEqual(await idsOf('sort=traffic'), [3, 5, 1, 2, 4, 7])
      assert.deepEqual(await idsOf('sort=trouble'), [5, 7, 3, 1, 2, 4])
      assert.equal((await read('sort=trouble&side=iam')).total, 2)
      assert.equal((await read('search=client-')).total, 5)
      const { applications, next } = await read('sort=trouble&limit=3')
      const [worst, second, third] = applications
      assert.deepEqual([worst.trouble, worst.traffic_per_day, worst.failed], ['failures', 30, 10])
      assert.deepEqual([second.trouble, second.traffic_per_day], ['not_arrived', 0])
      assert.deepEqual([third.trouble, third.evidence, third.iam_credentials], [null, null, null])
      const rest = await read(`sort=trouble&limit=3&after=${next}`)
      assert.deepEqual(
        [rest.applications.map(({ id }: { id: number }) => id), rest.next, rest.total],
        [[1, 2, 4], null, null],
      )
    })

    test('pages of a sorted list stay in place while applications come and change', async () => {
      const first = (await plane.ask('GET', `${LIST}?sort=name&limit=2`)).json
      assert.deepEqual(
        first.applications.map(({ id }: { id: number }) => id),
        [1, 2],
      )
      await plane.announce(testApplication(6, { name: 'Application 0' }))
      await plane.announce(testApplication(7, { version: 2, name: 'Application 25' }))
      assert.deepEqual(await idsOf(`sort=name&limit=3&after=${first.next}`), [7, 3, 5])
    })

    /** Gives applications flows within the last hour. */
    async function setTraffic(flows: Record<number, Partial<Record<OutcomeCause, number>>>) {
      const minute = Math.floor(Date.now() / 60_000) - 1
      for (const [id, causes] of Object.entries(flows)) {
        for (const [cause, count] of Object.entries(causes)) {
          await store.database.query(
            `insert into ${plane.schema}.outcome_minutes (minute, application_id, sort, environment, count)
              values ($1, $2, $3, 'production', $4)`,
            [minute, Number(id), sortOf({ side: 'rails', kind: 'refresh', cause: cause as OutcomeCause }), count],
          )
        }
      }
    }

    test('refuses an invalid query with field and rule', async () => {
      const cases = [
        ['limit=0', 'limit', /integer from 1 to 1000/],
        ['limit=1001', 'limit', /integer from 1 to 1000/],
        ['limit=ten', 'limit', /integer from 1 to 1000/],
        ['limit=1&limit=2', 'limit', /integer from 1 to 1000/],
        ['after=-1', 'after', /as `next` gives it/],
        ['after=abc', 'after', /as `next` gives it/],
        ['sort=traffic&after=7', 'after', /as `next` gives it/],
        ['sort=name&after=WzEsMV0', 'after', /as `next` gives it/],
        ['sort=size', 'sort', /must be id, name, traffic, trouble/],
        ['order=up', 'order', /must be asc or desc/],
        ['side=legacy', 'side', /must be iam or rails/],
        ['arrived=yes', 'arrived', /must be true or false/],
        ['failing=', 'failing', /must be true or false/],
        ['search=', 'search', /must not be empty/],
        [`search=${'x'.repeat(256)}`, 'search', /at most 255 characters/],
        ['environment=prod', 'environment', /must be one of/],
        ['page=2', 'page', /not a known field/],
      ] as const
      for (const [query, field, rule] of cases) {
        const { status, json, text } = await plane.ask('GET', `${LIST}?${query}`)
        assert.deepEqual([status, json.code], [400, 'invalid_request'], `${query}: ${text}`)
        assert.deepEqual(json.errors.length, 1, text)
        assert.equal(json.errors[0].field, field)
        assert.match(json.errors[0].rule, rule, query)
      }
    })

    test('of 100,000 applications is bounded, and replication reads it to its end', async () => {
      const big = await startTestControlPlane(store.database)
      await big.close()
      await store.database.query(
        `insert into ${big.schema}.applications (id, client_id, document, version, iam_version, is_removed)
          select n, md5(n::text), jsonb_build_object('name', 'App ' || n), 1, 1, false from generate_series(1, 100000) n`,
      )
      const loaded = await startTestControlPlane(store.database, { schema: big.schema, directory: big.directory })
      try {
        const first = await loaded.ask('GET', LIST)
        assert.deepEqual([first.json.applications.length, first.json.next], [100, 100])
        assert.ok(first.text.length < 50_000, `${first.text.length} characters`)
        const found = await loaded.ask('GET', `${LIST}?search=app%2099999`)
        assert.deepEqual(
          found.json.applications.map(({ name }: { name: string }) => name),
          ['App 99999'],
        )
        const held = createControlPlaneTarget({ url: loaded.url, token: loaded.replicationToken }).held()
        const [digest] = (await held.digests([0, 200_000])) ?? []
        assert.equal(digest?.count, 100_000)
        const page = await held.page(99_990, 200_000, 100)
        assert.deepEqual([page.length, page.at(0)?.id, page.at(-1)?.id], [10, 99_991, 100_000])
      } finally {
        await loaded.close()
      }
    })
  })
}

test('sorted ids stay in order and hold each id once, whatever the order of additions and removals', () => {
  const ids = new SortedIds()
  for (const id of [5, 1, 9, 5, 3, 1]) ids.add(id)
  assert.deepEqual(ids.after(0, 10), [1, 3, 5, 9])
  for (const id of [3, 4, 9]) ids.remove(id)
  assert.deepEqual(ids.after(0, 10), [1, 5])
  assert.deepEqual(ids.after(1, 10), [5])
  ids.add(2)
  assert.deepEqual(ids.after(0, 2), [1, 2])
})
