// sh scripts/with-node.sh bench/statements.ts: PostgreSQL's plan for every statement of an IAM auth service with a
// million tokens, and how fast expired ones are removed. Options: --tokens N, --backlog N. Fails if a big table is
// scanned sequentially.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPostgres, startPrivatePostgres } from '../scripts/private-postgres.ts'

const { values } = parseArgs({
  options: { tokens: { type: 'string', default: '1000000' }, backlog: { type: 'string', default: '200000' } },
})
const binaries = findPostgres()
if (binaries === undefined) throw new Error('this needs a PostgreSQL server on the machine')
const server = await startPrivatePostgres(binaries)
try {
  const program = join(import.meta.dirname, '../src/iam/testing/statements/main.ts')
  const ended = spawnSync(process.execPath, [program, server.url, values.tokens, values.backlog], { stdio: 'inherit' })
  process.exitCode = ended.status ?? 1
} finally {
  await server.stop()
}
