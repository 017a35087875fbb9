import { enableCompileCache } from 'node:module'

// Types are stripped from every source file once, not at every start.
enableCompileCache()
const { main } = await import('./cli/index.ts')

let isOutputLost = false
// A closed pipe or a full disk is no fault of the program; the streams would raise it as an uncaught exception.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (!isOutputLost) process.stderr.write(`handover: cannot write to standard output (${error.code})\n`)
  isOutputLost = true
  process.exitCode ||= 1
})
process.stderr.on('error', () => {})

const exitCode = await main(process.argv.slice(2), process)
process.exitCode = exitCode === 0 && isOutputLost ? 1 : exitCode
// A channel to a supervisor would keep a finished process alive.
if (process.connected) process.disconnect()
