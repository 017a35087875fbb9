import { z } from 'zod'
import type { CallAnswer } from '../../http/index.ts'
import type { Progress, Step } from './adapter.ts'
import type { ChangeRecord } from './record.ts'

const issuesSchema = z.array(
  z.object({ iid: z.int().positive(), web_url: z.string(), description: z.string().nullish() }),
)
const MOST = '20'

/**
 * Searches a project's issues for the record of a change, identified by its whole text, which holds the change's
 * version and correlation id. `then` receives the identity of the issue, or nothing if there is none.
 */
export function findRecord(
  issues: string,
  headers: Readonly<Record<string, string>>,
  { title, description }: ChangeRecord,
  then: (found: { readonly iid: number; readonly web_url: string } | undefined) => Progress,
): Step {
  const query = new URLSearchParams({ search: title, in: 'title', per_page: MOST })
  const lines = description.split('\n').filter((line) => line !== '')
  const onAnswer = (answer: CallAnswer) => {
    const found = issuesSchema.parse(answer.json).find((issue) => {
      const theirs = new Set((issue.description ?? '').split(/\r?\n/).map((line) => line.trimEnd()))
      return lines.every((line) => theirs.has(line))
    })
    return { progress: then(found && { iid: found.iid, web_url: found.web_url }) }
  }
  return { kind: 'call', method: 'GET', url: `${issues}?${query}`, headers, onAnswer }
}
