import { execFile } from 'node:child_process'
import type { MergeRequestAddress } from '../../chatops/index.ts'
import { type CommitSource, type MergeRequest, SourceFault } from './commit-source.ts'

const LIMIT_MS = 10_000
const MAX_OUTPUT = 4 << 20

/** Asks a clone of the repository with git; whoever keeps the clone up to date is not its concern. */
export function gitRepository(directory: string): CommitSource {
  const git = (...args: readonly string[]) => runGit(directory, args)
  const isKnown = async (sha: string) => (await git('cat-file', '-e', `${sha}^{commit}`)).code === 0
  return {
    name: 'the git repository',
    async contains(sha, deployed) {
      if (!(await isKnown(sha)) || !(await isKnown(deployed))) return undefined
      const { code } = await git('merge-base', '--is-ancestor', sha, deployed)
      return code === 0 ? true : code === 1 ? false : undefined
    },
    async mergeRequest({ project, iid }: MergeRequestAddress): Promise<MergeRequest | undefined> {
      // GitLab ends the message of a merge commit with this line.
      const line = `See merge request ${project}!${iid}`
      const { code, out } = await git('log', '--all', '--fixed-strings', `--grep=${line}`, '--format=%H%x00%B%x01')
      if (code !== 0) return undefined
      for (const entry of out.split('\u0001')) {
        const [commit, message] = entry.trim().split('\0')
        const isIt = message?.split('\n').some((each) => each.trim() === line)
        if (commit && isIt) return { state: 'merged', commit }
      }
      return undefined
    },
    async refsWith(sha) {
      if (!(await isKnown(sha))) return undefined
      const names = async (kind: string) =>
        (await git('for-each-ref', `--contains=${sha}`, '--format=%(refname:short)', kind)).out
          .split('\n')
          .filter((name) => name !== '')
      const [tags, heads, remotes] = await Promise.all([names('refs/tags'), names('refs/heads'), names('refs/remotes')])
      return { tags, branches: [...heads, ...remotes] }
    },
    lastDeployment: async () => undefined,
  }
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
      reject(new SourceFault('the git repository gives no answer', { cause: error }))
    })
  })
}
