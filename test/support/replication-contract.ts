import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { type Application, LARGEST_ID, rangeDigest } from '../../src/applications/index.ts'
import { batchAnswerSchema, digestsSchema, MOST_IN_BATCH } from '../../src/handoff/index.ts'
import { call } from '../../src/http/index.ts'
import { applicationNumber } from './replication-source.ts'
import { WAIT_LIMIT_MS } from './wait.ts'

/** A service that applications are replicated to. */
export interface ReplicatedService {
  readonly batchUrl: string
  readonly digestsUrl: string
  readonly versionsUrl: string
  /** The member of a page of versions that holds them. */
  readonly list: string
  readonly headers: Readonly<Record<string, string>>
  /** The line of a batch for an application. */
  line(application: unknown): string
  remove(application: Application, version: number): Promise<unknown>
  close(): Promise<void>
}

/** Checks batches, digests and pages of versions (`src/handoff/replication.ts`); within a `describe`. */
export function testReplicationContract(start: () => Promise<ReplicatedService>): void {
  let service: ReplicatedService
  before(async () => {
    service = await start()
  })
  after(() => service.close())

  const post = (lines: readonly string[]) =>
    call({ method: 'POST', url: service.batchUrl, headers: service.headers, lines, timeoutMs: WAIT_LIMIT_MS })
  const put = async (documents: readonly unknown[]) => {
    const { status, json, text } = await post(documents.map((document) => service.line(document)))
    assert.equal(status, 200, text)
    return batchAnswerSchema.parse(json).results
  }
  const page = async (query: string) => {
    const { status, json, text } = await call({
      ...{ method: 'GET', url: `${service.versionsUrl}?${query}`, headers: service.headers },
    })
    assert.equal(status, 200, text)
    const { next, [service.list]: held } = json as Record<string, unknown>
    return { next, held: held as Array<{ id: number; client_id: string; version: number }> }
  }
  const versions = async (after: number, upTo: number) =>
    (await page(`after=${after}&up_to=${upTo}&limit=1000`)).held.map(({ id, version }) => [id, version])
  const raw = (body: string) =>
    fetch(service.batchUrl, {
      ...{ method: 'POST', body },
      headers: { ...service.headers, 'content-type': 'application/x-ndjson' },
    })
  const numbered = (from: number, count: number, version = 1) =>
    Array.from({ length: count }, (_, index) => applicationNumber(from + index, version))

  test('a batch is stored, and stored again without effect', async () => {
    const documents = numbered(1, MOST_IN_BATCH)
    const results = await put(documents)
    assert.deepEqual(results[999], { id: 1_000, stored: true, version: 1, state: 'held' })
    const again = await put(documents)
    assert.ok(again.every(({ version, error }) => version === 1 && error === undefined))
    assert.equal((await versions(0, 1_000)).length, 1_000)
  })

  test('versions in the wrong order leave the newest, within a batch and between batches', async () => {
    const results = await put([applicationNumber(2_001, 3), applicationNumber(2_001, 1), applicationNumber(2_001, 2)])
    assert.deepEqual(
      results.map(({ stored, version }) => [stored, version]),
      [
        [true, 3],
        [false, 3],
        [false, 3],
      ],
    )
    const [late] = await put([applicationNumber(2_001, 2)])
    assert.deepEqual(late, { id: 2_001, stored: false, version: 3, state: 'held' })
    assert.deepEqual(await versions(2_000, 2_001), [[2_001, 3]])
  })

  test('a document from before a removal does not restore the application', async () => {
    const [stored] = await put([applicationNumber(2_101, 1)])
    assert.equal(stored?.stored, true)
    await service.remove(applicationNumber(2_101, 1), 5)
    const [late, other] = await put([applicationNumber(2_101, 4), applicationNumber(2_102, 1)])
    assert.deepEqual(late, { id: 2_101, stored: false, version: 5, state: 'removed' })
    assert.equal(other?.stored, true)
    const [newer] = await put([applicationNumber(2_101, 6)])
    assert.equal(newer?.stored, true)
  })

  test('of two applications of one client_id in a batch the second is refused, and says which has it', async () => {
    const rival = { ...applicationNumber(2_202, 1), client_id: 'client-2201' }
    const [one, two, other] = await put([applicationNumber(2_201, 1), rival, applicationNumber(2_203, 1)])
    assert.deepEqual([one?.stored, two?.stored, other?.stored], [true, false, true])
    assert.match(two?.error ?? '', /^client_id: belongs to application 2201\b/)
  })

  test('client_ids that two applications exchange do not hold up the others', async () => {
    await put(numbered(2_301, 2))
    const exchanged = [
      { ...applicationNumber(2_301, 2), client_id: 'client-2302' },
      { ...applicationNumber(2_302, 2), client_id: 'client-2301' },
    ]
    const results = await put([...exchanged, applicationNumber(2_303, 1)])
    assert.equal(results[2]?.stored, true)
    assert.ok(results.slice(0, 2).some(({ error }) => error !== undefined))
  })

  test('an id beyond 2^53 - 1 is refused by name, and the others are stored', async () => {
    const large = { ...applicationNumber(1, 1), client_id: 'client-large' }
    const line = service.line(large).replace(/"id":1\b/, '"id":9007199254740993')
    const { json } = await post([line, service.line(applicationNumber(2_401, 1))])
    const { results } = batchAnswerSchema.parse(json)
    assert.match(results[0]?.error ?? '', /\bid: /)
    assert.deepEqual([results[0]?.stored, results[1]?.stored], [false, true])
  })

  test('a faulty document or line concerns itself alone, and the answer names the field', async () => {
    const faulty = { ...applicationNumber(2_501, 1), name: 'n'.repeat(300), redirect_uris: 'no list' }
    const nul = { ...applicationNumber(2_502, 1), name: 'a\0b' }
    const lines = [service.line(faulty), service.line(nul), '{"id":', '7', service.line(applicationNumber(2_503, 1))]
    const { results } = batchAnswerSchema.parse((await post(lines)).json)
    assert.match(results[0]?.error ?? '', /name: .*redirect_uris: /)
    assert.equal(results[0]?.id, 2_501)
    assert.match(results[1]?.error ?? '', /NUL/)
    assert.equal(results[2]?.error, 'the line is not JSON')
    assert.ok(results[3]?.error)
    assert.equal(results[4]?.stored, true)
  })

  test('a name of 10 MB is refused before it is read, and nothing of its batch is stored', async () => {
    const document = { ...applicationNumber(2_602, 1), name: 'n'.repeat(10 << 20) }
    const answer = await raw(`${service.line(applicationNumber(2_601, 1))}\n${service.line(document)}\n`).catch(
      () => undefined,
    )
    assert.ok(answer === undefined || answer.status === 413, `status ${answer?.status}`)
    assert.deepEqual(await versions(2_600, 2_602), [])
  })

  test('a batch that ends within a line, is empty or too long, is refused as a whole', async () => {
    const lines = numbered(2_701, 2).map((application) => service.line(application))
    const cut = await raw(lines.join('\n'))
    assert.equal(cut.status, 400)
    assert.match(await cut.text(), /the batch ends within a line/)
    assert.equal((await raw('')).status, 400)
    const long = await raw('1\n'.repeat(MOST_IN_BATCH + 1))
    assert.equal(long.status, 400)
    assert.match(await long.text(), /more than 1000 lines/)
    assert.deepEqual(await versions(2_700, 2_702), [])
  })

  test('a batch whose connection is cut stores nothing', async () => {
    const { hostname, port, pathname } = new URL(service.batchUrl)
    const body = `${service.line(applicationNumber(2_801, 1))}\n`
    const head = Object.entries({ ...service.headers, 'Content-Type': 'application/x-ndjson' })
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        const lines = [
          `POST ${pathname} HTTP/1.1`,
          `Host: ${hostname}`,
          ...head.map(([name, value]) => `${name}: ${value}`),
        ]
        socket.write(`${lines.join('\r\n')}\r\nContent-Length: ${body.length + 10}\r\n\r\n${body}`, () => socket.end())
      })
      socket.on('close', () => resolve()).on('error', reject)
      socket.resume()
    })
    assert.deepEqual(await versions(2_800, 2_801), [])
  })

  test('digests of ranges are those of their applications, and pages list them in the order of ids', async () => {
    await put(numbered(3_001, 30))
    const bounds = [3_000, 3_010, 3_020, 3_100, LARGEST_ID]
    const { json } = await call({
      ...{ method: 'GET', url: `${service.digestsUrl}?bounds=${bounds.join(',')}`, headers: service.headers },
    })
    const { digests } = digestsSchema.parse(json)
    const { held } = await page('after=3000&up_to=3010')
    const rows = held.map((row) => ({ ...row, reported: (row as { iam_version?: number | null }).iam_version ?? null }))
    assert.deepEqual(digests[0], rangeDigest(rows))
    assert.deepEqual(
      digests.map(({ count }) => count),
      [10, 10, 10, 0],
    )
    const first = await page('after=3000&up_to=3100&limit=20')
    assert.deepEqual([first.held.length, first.next], [20, 3_020])
    const second = await page(`after=${first.next}&up_to=3100&limit=20`)
    assert.deepEqual([second.held.at(-1)?.id, second.next], [3_030, null])
  })

  test('bounds and pages that break a rule are refused by name', async () => {
    const wrong = ['', '1', '2,1', '1,1', '-1,4', '1,9007199254740992', 'a,b', `0${',1'.repeat(200)}`]
    for (const bounds of wrong) {
      const url = `${service.digestsUrl}?bounds=${bounds}`
      const { status, text } = await call({ method: 'GET', url, headers: service.headers })
      assert.equal(status, 400, bounds)
      assert.match(text, /bounds/)
    }
    for (const query of ['after=-1', 'up_to=x', 'limit=0', 'limit=1001', 'after=9007199254740992']) {
      const url = `${service.versionsUrl}?${query}`
      const { status, text } = await call({ method: 'GET', url, headers: service.headers })
      assert.equal(status, 400, query)
      assert.match(text, new RegExp(query.split('=')[0] ?? ''))
    }
  })
}
