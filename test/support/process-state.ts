import { readFileSync } from 'node:fs'

/**
 * Whether any process on this machine has ended (Linux). That includes one that its parent has not yet waited for
 * (state Z of proc_pid_stat(5)): an orphan stays in that state until PID 1 reaps it, which in a container may take
 * seconds or forever, and until then `/proc/PID` exists and signals reach it.
 */
export function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name is in parentheses and may contain any character.
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return true
    throw error
  }
}
