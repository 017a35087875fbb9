import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'

/** Kernel clock ticks per second, in which /proc counts. */
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/**
 * The CPU time of a process (all its threads), user and system, in microseconds, from the kernel's accounting
 * (proc(5)).
 */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command name is in parentheses and may contain spaces, so fields are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6
}

/** The same for a process and its running children, such as the engine of an embedded database. */
export function treeCpuMicroseconds(pid: number): number {
  const children = globSync(`/proc/${pid}/task/*/children`).flatMap(
    (file) => readFileSync(file, 'utf8').match(/\d+/g) ?? [],
  )
  return children.reduce((sum, child) => sum + treeCpuMicroseconds(Number(child)), cpuMicroseconds(pid))
}

/** Resident memory of a process, in megabytes. */
export function residentMegabytes(pid: number): number {
  return statusMegabytes(pid, /^VmRSS:\s+(\d+) kB/m)
}

/** The most resident memory that a process has had since it started, in megabytes. */
export function peakMegabytes(pid: number): number {
  return statusMegabytes(pid, /^VmHWM:\s+(\d+) kB/m)
}

function statusMegabytes(pid: number, line: RegExp): number {
  return Number(line.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
}
