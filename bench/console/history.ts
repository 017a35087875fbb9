import { setTimeout as sleep } from 'node:timers/promises'
import { type ChainHead, NO_ENTRIES, nextEntry } from '../../src/control-plane/index.ts'
import type { Database } from '../../src/storage/index.ts'

const YEAR_MS = 365 * 24 * 3_600_000
const PIECE = 2_000

/** Writes a year of changes into the audit log, evenly spread, as one sound chain. */
export async function writeYearOfChanges(database: Database, schema: string, count: number, flag: string) {
  const from = Date.now() - YEAR_MS
  let head: ChainHead = NO_ENTRIES
  for (let written = 0; written < count; written += PIECE) {
    const rows = Array.from({ length: Math.min(PIECE, count - written) }, (_, index) => {
      const at = new Date(from + ((written + index) / count) * YEAR_MS).toISOString().replace('Z', '000Z')
      const { hash, ...entry } = nextEntry(head, at, changeOf(written + index, flag))
      head = { number: entry.number, hash }
      return { number: entry.number, entry, hash }
    })
    await database.query(
      `insert into ${schema}.audit_log (number, entry, hash) select number, entry, hash
        from json_to_recordset($1) as given (number bigint, entry jsonb, hash text)`,
      [JSON.stringify(rows)],
    )
    await sleep(0)
  }
  await database.query(`update ${schema}.clock set audit_number = $1, audit_hash = $2`, [head.number, head.hash])
  await database.query(`analyze ${schema}.audit_log`)
}

function changeOf(index: number, flag: string): Parameters<typeof nextEntry>[2] {
  const state = (count: number) => ({
    ...{ boolean: false, percentage_of_actors: 0, percentage_of_time: 0, feature_groups: [], opted_out: [] },
    actors: Array.from({ length: count }, (_, id) => `Authn::OauthApplication:${id + 1}`),
  })
  return {
    context: {
      ...{ by: `engineer-${index % 7}`, role: 'administrator', channel: 'api', from: '127.0.0.1' },
      ...{ reason: `Change ${index}`, correlation_id: `bench-${index}` },
    } as never,
    ...{ action: 'flag.set', environment: 'production', subject: flag },
    ...{ before: state(index % 20), after: state((index + 1) % 20) },
  }
}
