// Creates an embedded database and ends: initdb takes a gigabyte for a moment, which a server would never give back.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'

const dataDir = process.argv[2]
if (dataDir === undefined) throw new Error('usage: embedded-create.ts DIRECTORY')
const database = await PGlite.create({ dataDir })
await database.close()
// One session needs no more, and the default of 128 MB would all be resident.
appendFileSync(join(dataDir, 'postgresql.conf'), '\nshared_buffers = 16MB\n')
