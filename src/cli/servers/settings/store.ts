import { ConfigError } from '../../../config/index.ts'
import type { Log } from '../../../observability/index.ts'
import { claimDataDirectory, type Database, openDatabase } from '../../../storage/index.ts'

/** The open store of a part, and the directory of the secrets it generates. */
export interface OpenStore {
  readonly database: Database
  readonly directory: string
  close(): Promise<void>
}

/** Opens the store given by `--database-url` or `--data-dir`; locks the directory of an embedded database. */
export async function openStore(
  section: string,
  settings: { readonly database_url?: string | undefined; readonly data_dir?: string | undefined },
  log: Log,
): Promise<OpenStore> {
  const directory = settings.data_dir ?? './data'
  if (settings.database_url !== undefined) {
    const database = await openDatabase({ kind: 'postgres', url: settings.database_url })
    return { database, directory, close: () => database.close() }
  }
  if (settings.data_dir === undefined) {
    throw new ConfigError([`${section}: one of --database-url and --data-dir must be given`])
  }
  const claim = await claimDataDirectory(directory)
  try {
    const database = await openDatabase({ kind: 'embedded', dataDir: directory, log })
    return {
      database,
      directory,
      async close() {
        await database.close()
        claim.release()
      },
    }
  } catch (error) {
    claim.release()
    throw error
  }
}
