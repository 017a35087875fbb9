import { z } from 'zod'
import { CallError, call } from '../../../http/index.ts'
import { type CommitSource, SourceFault } from './commit-source.ts'

/** The connection to GitLab's API. */
export interface GitLabSettings {
  /** Its origin, with the relative URL root if there is one. */
  readonly url: string
  readonly token: string | undefined
  /** The path of the project that holds the commits. */
  readonly project: string
  /** GitLab's names of our environments; an environment that is not listed has no deployments there. */
  readonly environments: Readonly<Partial<Record<string, string>>>
}

const LIMIT_MS = 5_000
const MAX_PAGES = 10

/** Commit names are used in further queries, also as arguments of git. */
const sha = z.string().regex(/^[0-9a-f]{7,64}$/)
const commitSchema = z.object({ id: sha })
const mergeRequestSchema = z.object({
  state: z.string(),
  merge_commit_sha: sha.nullish(),
  squash_commit_sha: sha.nullish(),
  sha: sha.nullish(),
})
const refsSchema = z.array(z.object({ type: z.string(), name: z.string() }))
const deploymentsSchema = z.array(z.object({ sha, ref: z.string() }))

/** Queries GitLab's REST API: commits, merge base, merge requests and deployments. */
export function createGitLabSource({ url, token, project, environments }: GitLabSettings): CommitSource {
  const base = url.replace(/\/+$/, '')
  const root = `${base}/api/v4/projects/`
  const ours = `${root}${encodeURIComponent(project)}`
  const ask = async <T>(address: string, schema: z.ZodType<T>) => {
    const headers = token === undefined ? {} : { 'private-token': token }
    const answer = await call({ method: 'GET', url: address, headers, timeoutMs: LIMIT_MS }).catch((error: unknown) => {
      const isSilent = error instanceof CallError && error.timedOut
      const why = isSilent ? `within ${LIMIT_MS / 1_000} s` : 'at all'
      throw new SourceFault(`GitLab does not answer ${why}`, { cause: error, isSilent })
    })
    if (answer.status === 404) return undefined
    const read = answer.status === 200 ? schema.safeParse(answer.json) : undefined
    if (read?.success) {
      const next = answer.headers['x-next-page']
      return { value: read.data, nextPage: typeof next === 'string' && next !== '' ? next : undefined }
    }
    const why = answer.status === 200 ? 'answers what cannot be read' : `answers with status ${answer.status}`
    throw new SourceFault(`GitLab ${why}`, { cause: read?.error })
  }
  const commitId = async (sha: string) =>
    (await ask(`${ours}/repository/commits/${encodeURIComponent(sha)}`, commitSchema))?.value.id
  return {
    name: 'GitLab',
    async contains(sha, deployed) {
      const id = await commitId(sha)
      if (id === undefined) return undefined
      const query = new URLSearchParams([
        ['refs[]', id],
        ['refs[]', deployed],
      ])
      // 404 also if the two have no common ancestor, which is rare within one project.
      const common = await ask(`${ours}/repository/merge_base?${query}`, commitSchema)
      return common === undefined ? undefined : common.value.id === id
    },
    async mergeRequest(address) {
      if (!address.url.startsWith(`${base}/`)) return undefined
      const where = `${root}${encodeURIComponent(address.project)}/merge_requests/${address.iid}`
      const found = await ask(where, mergeRequestSchema)
      if (found === undefined) return undefined
      const { state, merge_commit_sha, squash_commit_sha, sha } = found.value
      const commit = state === 'merged' ? (merge_commit_sha ?? squash_commit_sha ?? sha ?? undefined) : undefined
      return { state, commit }
    },
    async refsWith(sha) {
      const where = `${ours}/repository/commits/${encodeURIComponent(sha)}/refs?per_page=100`
      const named = async (type: 'tag' | 'branch'): Promise<string[] | undefined> => {
        const names: string[] = []
        let page: string | undefined = '1'
        for (let count = 0; page !== undefined; count++) {
          // A partial list would be mistaken for the whole.
          if (count === MAX_PAGES) throw new SourceFault('GitLab has more refs than are read', { cause: undefined })
          const address: string = `${where}&type=${type}&page=${encodeURIComponent(page)}`
          const found: { value: z.infer<typeof refsSchema>; nextPage: string | undefined } | undefined = await ask(
            address,
            refsSchema,
          )
          if (found === undefined) return undefined
          names.push(...found.value.filter((ref) => ref.type === type).map(({ name }) => name))
          page = found.nextPage
        }
        return names
      }
      const tags = await named('tag')
      const branches = tags && (await named('branch'))
      return branches && { tags, branches }
    },
    keepsDeploymentsOf: (environment) => environments[environment] !== undefined,
    async lastDeployment(environment) {
      const name = environments[environment]
      if (name === undefined) return undefined
      const query = new URLSearchParams({
        environment: name,
        status: 'success',
        order_by: 'id',
        sort: 'desc',
        per_page: '1',
      })
      return (await ask(`${ours}/deployments?${query}`, deploymentsSchema))?.value[0]
    },
  }
}
