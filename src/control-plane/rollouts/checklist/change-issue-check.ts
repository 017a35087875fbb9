import { z } from 'zod'
import { CallError, call } from '../../../http/index.ts'
import type { ItemCheck } from '../../../rollouts/index.ts'

/** The GitLab that holds change issues. */
export interface IssueSource {
  readonly url: string
  readonly token: string | undefined
}

const LIMIT_MS = 5_000
const ISSUE = /^\/(.+?)\/-\/(?:issues|work_items)\/(\d{1,12})\/?$/
const issueSchema = z.object({ state: z.enum(['opened', 'closed']), title: z.string() })

/** Asks GitLab whether a change issue is open. Never rejects. */
export async function changeIssueCheck(
  source: IssueSource | undefined,
  address: string | undefined,
): Promise<ItemCheck> {
  if (address === undefined) return { state: 'unknown', sentence: 'no change issue is named; use --change-issue' }
  if (source === undefined) return { state: 'unknown', sentence: 'no GitLab is configured; tick it by hand' }
  const base = source.url.replace(/\/+$/, '')
  const match = address.startsWith(`${base}/`) ? ISSUE.exec(address.slice(base.length)) : null
  if (match === null)
    return { state: 'unknown', sentence: `it is not an issue of ${new URL(base).host}; tick it by hand` }
  const [, project = '', iid = ''] = match
  const url = `${base}/api/v4/projects/${encodeURIComponent(project)}/issues/${iid}`
  const headers: Record<string, string> = source.token === undefined ? {} : { 'private-token': source.token }
  try {
    const answer = await call({ method: 'GET', url, headers, timeoutMs: LIMIT_MS })
    if (answer.status === 404) return { state: 'open', sentence: `GitLab does not know ${project}#${iid}` }
    const read = answer.status === 200 ? issueSchema.safeParse(answer.json) : undefined
    if (!read?.success) return { state: 'open', sentence: `GitLab answers with status ${answer.status}` }
    const sentence = `${project}#${iid} is ${read.data.state === 'opened' ? 'open' : 'closed'}`
    return { state: read.data.state === 'opened' ? 'done' : 'open', sentence }
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    return {
      state: 'open',
      sentence: error.timedOut ? `GitLab gives no answer within ${LIMIT_MS / 1_000} s` : 'GitLab cannot be reached',
    }
  }
}
