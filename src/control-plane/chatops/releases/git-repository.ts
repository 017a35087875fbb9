import { execFile } from 'node:child_process'
import type { MergeRequestAddress } from '../../../chatops/index.ts'
import { type CommitSource, type MergeRequest, SourceFault } from './commit-source.ts'

const LIMIT_MS = 10_000
const MAX_OUTPUT = 4 << 20

/** Queries a clone of the repository with git; something else must keep the clone up to date. */
export function createGitRepositorySource(directory: string): CommitSource {
  const git = (...args: readonly string[]) => runGit(directory, args)
  /** The full id; undefined if it names no commit (git-rev-parse, `--quiet`: status 1). */
  const idOf = async (sha: string): Promise<string | undefined> => {
    const { code, out } = await git('rev-parse', '--quiet', '--verify', '--end-of-options', `${sha}^{commit}`)
    if (code === 1) return undefined
    return code === 0 ? out.trim() : noAnswer(code)
  }
  return {
    name: 'the git repository',
    async contains(sha, deployed) {
      const [id, deployedId] = [await idOf(sha), await idOf(deployed)]
      if (id === undefined || deployedId === undefined) return undefined
      const { code } = await git('merge-base', '--is-ancestor', id, deployedId)
      return code === 0 ? true : code === 1 ? false : noAnswer(code)
    },
    async mergeRequest({ project, iid }: MergeRequestAddress): Promise<MergeRequest | undefined> {
      // GitLab ends the message of a merge commit with this line.
      const line = `See merge request ${project}!${iid}`
      const { code, out } = await git('log', '--all', '--fixed-strings', `--grep=${line}`, '--format=%H%x00%B%x01')
      if (code !== 0) return noAnswer(code)
      for (const entry of out.split('\u0001')) {
        const [commit, message] = entry.trim().split('\0')
        const isIt = message?.split('\n').some((each) => each.trim() === line)
        if (commit && isIt) return { state: 'merged', commit }
      }
      return undefined
    },
    async refsWith(sha) {
      const id = await idOf(sha)
      if (id === undefined) return undefined
      const names = async (kind: string) => {
        const { code, out } = await git('for-each-ref', `--contains=${id}`, '--format=%(refname:short)', kind)
        return code === 0 ? out.split('\n').filter((name) => name !== '') : noAnswer(code)
      }
      const [tags, heads, remotes] = await Promise.all([names('refs/tags'), names('refs/heads'), names('refs/remotes')])
      return { tags, branches: [...heads, ...remotes] }
    },
    keepsDeploymentsOf: () => false,
    lastDeployment: async () => undefined,
  }
}

/** Throws: a failure of git is not the same as an empty result. */
function noAnswer(code: number): never {
  throw new SourceFault('the git repository does not answer', { cause: new Error(`git ended with status ${code}`) })
}

function runGit(directory: string, args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      timeout: LIMIT_MS,
      maxBuffer: MAX_OUTPUT,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    }
    execFile('git', ['-C', directory, ...args], options, (error, out) => {
      if (error === null) return resolve({ code: 0, out })
      if (typeof error.code === 'number') return resolve({ code: error.code, out })
      reject(new SourceFault('the git repository does not answer', { cause: error, isSilent: error.killed === true }))
    })
  })
}
