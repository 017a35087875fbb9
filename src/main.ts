import { main } from './cli/index.ts'

process.exitCode = await main(process.argv.slice(2), process)
// A channel to a supervisor would keep a finished process alive.
if (process.connected) process.disconnect()
