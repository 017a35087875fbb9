import { lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HaproxyError } from './program.ts'

/** HAProxy's configuration has no escapes for other characters in every place where a path occurs. */
const PLAIN_PATH = /^\/[A-Za-z0-9/._@+-]*$/
/** The address of a Unix socket holds 107 bytes on Linux; HAProxy appends up to 16 while it binds. */
const LONGEST = 75

/**
 * Makes the directory that only this user may read, or checks the one that exists. Rejects with {@link HaproxyError} if
 * its path is unusable for HAProxy, if it belongs to another user, or if it cannot be created.
 */
export async function openPrivateDirectory(path: string): Promise<void> {
  if (!PLAIN_PATH.test(path)) {
    throw new HaproxyError(
      `the data plane's directory ${path} must be an absolute path of letters, digits and / . _ @ + -`,
    )
  }
  if (path.length > LONGEST) {
    throw new HaproxyError(
      `the data plane's directory ${path} must have at most ${LONGEST} characters: it holds a socket`,
    )
  }
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    const { uid, mode } = await lstat(path).then((found) => {
      if (!found.isDirectory()) throw new HaproxyError(`the data plane's directory ${path} is not a directory`)
      return found
    })
    if (uid !== process.getuid?.() || (mode & 0o077) !== 0) {
      throw new HaproxyError(`the data plane's directory ${path} must belong to this user, with mode 0700`)
    }
  } catch (error) {
    if (error instanceof HaproxyError) throw error
    const cause = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw new HaproxyError(`the data plane's directory ${path} cannot be created (${cause})`, { cause: error })
  }
}

/**
 * Replaces a file of the directory atomically: a reader sees the old text or the new one, also after a crash. Rejects
 * with the error of the file system and leaves the old file.
 */
export async function replaceFile(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name)
  const beside = `${path}.new`
  try {
    const file = await open(beside, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {})
    throw error
  }
}
