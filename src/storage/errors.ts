/** The store cannot be opened or was lost. The message never holds a connection string. */
export class StorageError extends Error {
  readonly code = 'storage_failed'
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StorageError'
  }
}

/** Another living process holds the data directory. */
export class DirectoryInUseError extends Error {
  readonly code = 'directory_in_use'
  constructor(directory: string, pid: number) {
    super(`${directory} is in use by another handover process (pid ${pid})`)
    this.name = 'DirectoryInUseError'
  }
}

/** The data directory cannot be created or written to. */
export class DirectoryUnusableError extends Error {
  readonly code = 'directory_unusable'
  constructor(directory: string, cause: NodeJS.ErrnoException) {
    super(`cannot write to the data directory ${directory} (${cause.code ?? cause.message})`, { cause })
    this.name = 'DirectoryUnusableError'
  }
}
