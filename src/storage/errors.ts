/** The store cannot be opened or was lost. The message never contains a connection string. */
export class StorageError extends Error {
  readonly code: string = 'storage_failed'
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StorageError'
  }
}

/** The store was lost during use, or is temporarily unavailable: a retry may succeed. */
export class StoreAwayError extends StorageError {
  override readonly code = 'storage_away'
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StoreAwayError'
  }
}

/** Another running process holds the data directory. */
export class DirectoryInUseError extends Error {
  readonly code = 'directory_in_use'
  constructor(directory: string, pid: number | undefined) {
    super(`${directory} is in use by another handover process${pid === undefined ? '' : ` (pid ${pid})`}`)
    this.name = 'DirectoryInUseError'
  }
}

/** The data directory cannot be created or written to. */
export class DirectoryUnusableError extends Error {
  readonly code = 'directory_unusable'
  constructor(directory: string, cause: NodeJS.ErrnoException) {
    super(`cannot write to the data directory ${directory} (${reasonOf(cause)})`, { cause })
    this.name = 'DirectoryUnusableError'
  }
}

/** SQLite's own codes are less informative than its message. */
function reasonOf(cause: NodeJS.ErrnoException): string {
  return cause.code === undefined || cause.code === 'ERR_SQLITE_ERROR' ? cause.message : cause.code
}
