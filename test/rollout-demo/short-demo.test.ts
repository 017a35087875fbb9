import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { Random } from '../storm/random.ts'
import { createServerDatabase } from '../support/database.ts'
import { runDemo } from './demo.ts'
import { shortScale } from './scale.ts'

const LIMIT_MS = 10 * 60_000
const directory = mkdtempSync(join(tmpdir(), 'handover-short-demo-'))
after(() => rmSync(directory, { recursive: true, force: true }))

describe('a rollout of real clients', () => {
  test('moves every sound client, and takes each broken one back for its own cause', async (t) => {
    const server = process.env.HANDOVER_TEST_DATABASE_URL
    const database = server === undefined ? undefined : await createServerDatabase(server)
    if (database === undefined) t.diagnostic('There is no PostgreSQL server, so all parts use the embedded store.')
    const scale = shortScale()
    const lines: string[] = []
    try {
      const outcome = await runDemo({
        ...{ directory, databaseUrl: database?.url, scale, limitMs: LIMIT_MS, photographs: undefined },
        ...{ random: new Random(1), say: (line) => lines.push(line) },
      })
      const { state, falseAlarms, verdicts, moved } = outcome
      const said = lines.join('\n')
      assert.equal(state, 'completed', said)
      assert.deepEqual(falseAlarms, [], said)
      assert.deepEqual(
        verdicts.filter(({ isRightCause }) => !isRightCause).map(({ client }) => client.breakage?.name),
        [],
        said,
      )
      assert.equal(moved, scale.clients - scale.breakages.length, said)
    } finally {
      await database?.remove()
    }
  })
})
