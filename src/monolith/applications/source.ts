import { type Application, applicationSchema } from '../../applications/index.ts'
import type { ApplicationDocument, ApplicationStore } from '../../authorization-server/index.ts'
import type { ApplicationSource } from '../../replication/index.ts'
import type { ApplicationRegistry } from './registry.ts'

/** The monolith's applications as replication reads them. */
export function applicationSource(
  store: Pick<ApplicationStore, 'findAll' | 'bounds' | 'digests' | 'page'>,
  registry: Pick<ApplicationRegistry, 'raise'>,
): ApplicationSource {
  return {
    async find(clientIds) {
      const found = await store.findAll(clientIds)
      return new Map([...found].map(([clientId, document]) => [clientId, applicationOr(document)]))
    },
    bounds: (size) => store.bounds(size),
    digests: (bounds) => store.digests(bounds),
    page: (after, upTo, limit) => store.page({ after, upTo }, limit),
    raise: (clientId, above) => registry.raise(clientId, above),
  }
}

/** The document, or which rule it breaks: a row may have been written past the rules. */
function applicationOr(document: ApplicationDocument | 'too_large'): Application | string {
  if (document === 'too_large') return 'the document is larger than 1 MiB'
  const read = applicationSchema.safeParse(document)
  if (read.success) return read.data
  const faults = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  return faults.join('; ').slice(0, 500)
}
