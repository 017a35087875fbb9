export { type Database, type DatabaseLocation, openDatabase, type Queryable, type Statement } from './database.ts'
export { claimDataDirectory, type DataDirectory } from './directory.ts'
export { DirectoryInUseError, DirectoryUnusableError, StorageError } from './errors.ts'
export { assertSchemaName, type Migration, migrate } from './migrate.ts'
