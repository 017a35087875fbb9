import type { HttpReply } from '../../http/index.ts'
import type { Visit } from './visit.ts'

/** Answers a visit to a page. */
export type PageAnswer = (visit: Visit) => Promise<HttpReply>

/**
 * Pages by method and path, such as `'GET /users/:id'`. A `'STALE_POST …'` answers a signed-in user with a form from
 * this site but from an earlier session, instead of the 422; it must change nothing.
 */
export type Pages = Readonly<Record<string, PageAnswer>>

/** Finds the pages of a path; undefined when there are none for any method. */
export type FindPages = (path: string) => FoundPages | undefined
export interface FoundPages {
  readonly segments: Readonly<Record<string, string>>
  /** By method. */
  readonly answers: ReadonlyMap<string, PageAnswer>
}

/** Compiles a table of pages. Repeated and trailing slashes and a format suffix are ignored (A133). */
export function routeTable(pages: Pages): FindPages {
  const byPath = new Map<string, Map<string, PageAnswer>>()
  for (const [key, answer] of Object.entries(pages)) {
    const [method = '', path = ''] = key.split(' ')
    const answers = byPath.get(path) ?? new Map<string, PageAnswer>()
    byPath.set(path, answers.set(method, answer))
  }
  const patterns = [...byPath].map(([path, answers]) => ({ pattern: patternOf(path), answers }))
  return (path) => {
    const plain = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '')
    for (const { pattern, answers } of patterns) {
      const match = pattern.exec(plain)
      if (match) return { segments: match.groups ?? {}, answers }
    }
    return undefined
  }
}

function patternOf(path: string): RegExp {
  const source = path.replace(/\./g, '\\.').replace(/:([a-z_]+)/g, '(?<$1>\\d{1,15})')
  return new RegExp(`^${source}${path === '/' ? '' : '(?:\\.[A-Za-z0-9]+)?'}$`)
}
