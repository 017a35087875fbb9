// Ends its process immediately when standard input ends, which happens when the parent has ended, even by SIGKILL. Runs
// in a separate thread, because a statement blocks the engine's main thread for as long as it runs.
import { Socket } from 'node:net'

const end = () => process.kill(process.pid, 'SIGKILL')
new Socket({ fd: 0, readable: true, writable: false }).on('error', end).on('close', end).resume()
