// Preloaded before a test suite of the gateway, so that a data plane stands where the suite starts a gateway.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { startGateway } from '../../gateway/index.ts'
import { startDataPlane } from '../start.ts'

const start: typeof startGateway = async (settings, log) => {
  // A suite of a gateway on the fast path, or without it, says nothing about HAProxy.
  const directory = await mkdtemp(join(tmpdir(), 'suite-'))
  const plane = await startDataPlane(
    { gateway: settings, program: 'haproxy', directory, bindOptions: '', threads: 1 },
    log,
  )
  const close = async () => {
    await plane.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { ...plane.gateway, url: plane.url, address: plane.address, routing: plane.gateway.routing, close }
}
;(globalThis as { handoverTestStart?: typeof startGateway }).handoverTestStart = start
