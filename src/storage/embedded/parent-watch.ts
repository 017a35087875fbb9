// Ends its process at once when standard input ends, which happens when the parent has ended, even by SIGKILL. A thread
// of its own: a statement keeps the main thread of an engine busy for as long as it runs.
import { Socket } from 'node:net'

const end = () => process.kill(process.pid, 'SIGKILL')
new Socket({ fd: 0, readable: true, writable: false }).on('error', end).on('close', end).resume()
