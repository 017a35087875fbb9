import { watch } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Long enough for an editor that writes several files at once. */
const SETTLE_MS = 200

/**
 * Yields the source files that change in `folders` of `root`, with simultaneous changes grouped together, until
 * `signal` is aborted. Paths are relative to `root`, with forward slashes.
 */
export async function* watchSources(
  root: string,
  folders: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  const changed = new Set<string>()
  let wake = () => {}
  const follow = async (folder: string) => {
    for await (const { filename } of watch(join(root, folder), { recursive: true, signal })) {
      if (!filename || !/\.[mc]?[tj]s$/.test(filename)) continue
      changed.add(`${folder}/${filename.split(sep).join('/')}`)
      wake()
    }
  }
  const ended = Promise.all(folders.map(follow)).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error
  })
  while (!signal.aborted) {
    if (changed.size === 0) await Promise.race([ended, new Promise<void>((resolve) => (wake = resolve))])
    if (signal.aborted) return
    await sleep(SETTLE_MS, undefined, { signal }).catch(() => {})
    const batch = [...changed].sort()
    changed.clear()
    if (batch.length > 0) yield batch
  }
}
