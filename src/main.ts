import { enableCompileCache } from 'node:module'

// Types are stripped from every source file once, not at every start.
enableCompileCache()
const { main } = await import('./cli/index.ts')

process.exitCode = await main(process.argv.slice(2), process)
// A channel to a supervisor would keep a finished process alive.
if (process.connected) process.disconnect()
