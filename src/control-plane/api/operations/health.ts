import { z } from 'zod'
import type { Api, ControlContext } from '../../control-context.ts'

const READY_LIMIT_MS = 2_000

/** `/healthz` (the process runs), `/readyz` (the database answers), `/metrics`. */
export function healthRoutes(api: Api, control: ControlContext): void {
  const config = { roles: 'anyone' } as const
  const schema = { tags: ['health'], response: { 200: z.object({ status: z.literal('ok') }) } }
  api.get('/healthz', { config, schema }, async () => ({ status: 'ok' as const }))
  api.get('/readyz', { config, schema: { tags: ['health'] } }, async (_request, reply) => {
    const isReady = await answersWithin(control.store.database.query('select 1'), READY_LIMIT_MS)
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ok' : 'the database does not answer' })
  })
  api.get('/metrics', { config, schema: { hide: true } }, async (_request, reply) => {
    const text = await control.metrics.registry.metrics()
    return reply.type(control.metrics.registry.contentType).send(text)
  })
}

async function answersWithin(answer: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs)
  })
  const answered = answer.then(
    () => true,
    () => false,
  )
  const isReady = await Promise.race([answered, limit])
  clearTimeout(timer)
  return isReady
}
