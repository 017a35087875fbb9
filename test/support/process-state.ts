import { readFileSync } from 'node:fs'

/**
 * Whether a process, any process of this machine, has ended (Linux). One that has ended but that its parent has not yet
 * waited for (state Z of proc_pid_stat(5)) has: an orphan stays so until PID 1 notices, which in a container may take
 * seconds or for ever, and all that while `/proc/PID` is there and signals reach it.
 */
export function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands in parentheses and may contain any character.
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return true
    throw error
  }
}
