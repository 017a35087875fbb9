// Creates an embedded database and exits: initdb briefly needs a gigabyte, which an engine would never release. The
// directory appears complete or not at all. Usage: create-main.ts DIRECTORY
import { appendFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { belongToParent, lockEngineDirectory } from './child.ts'

belongToParent()
const dataDir = process.argv[2]
if (dataDir === undefined) throw new Error('usage: create-main.ts DIRECTORY')
await lockEngineDirectory(dataDir)
if (!existsSync(join(dataDir, 'PG_VERSION'))) {
  const unfinished = `${dataDir}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  const database = await PGlite.create({ dataDir: unfinished })
  await database.close()
  // One session needs no more; the default of 128 MB would be fully resident.
  appendFileSync(join(unfinished, 'postgresql.conf'), '\nshared_buffers = 16MB\n')
  // Left behind by a version of handover that created it in place and was interrupted.
  rmSync(dataDir, { recursive: true, force: true })
  renameSync(unfinished, dataDir)
}
process.exit(0)
