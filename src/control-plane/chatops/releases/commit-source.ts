import type { MergeRequestAddress } from '../../../chatops/index.ts'

/** A merge request as its source knows it. */
export interface MergeRequest {
  readonly state: string
  /** The resulting commit on the target branch; undefined until it is merged. */
  readonly commit: string | undefined
}

/** A source of information about commits: a clone of the repository, or GitLab. All answers have a time limit. */
export interface CommitSource {
  readonly name: string
  /**
   * Whether `sha` is part of `deployed`; undefined if one of the two is unknown. Rejects if the source does not answer.
   */
  contains(sha: string, deployed: string): Promise<boolean | undefined>
  /** Undefined for an unknown merge request. */
  mergeRequest(address: MergeRequestAddress): Promise<MergeRequest | undefined>
  /** The tags and branches that contain a commit; undefined for an unknown commit. */
  refsWith(sha: string): Promise<{ readonly tags: readonly string[]; readonly branches: readonly string[] } | undefined>
  /** Whether it has a record of deployments to an environment; makes no request. */
  keepsDeploymentsOf(environment: string): boolean
  /** The latest deployment; undefined if none is known. */
  lastDeployment(environment: string): Promise<{ readonly sha: string; readonly ref: string } | undefined>
}

/** A source did not answer; the message contains no address and no token. */
export class SourceFault extends Error {
  readonly code = 'source_fault'
  /** Whether it timed out, so that another query would wait again. */
  readonly isSilent: boolean
  constructor(message: string, options: { cause: unknown; isSilent?: boolean }) {
    super(message, options)
    this.name = 'SourceFault'
    this.isSilent = options.isSilent ?? false
  }
}

/** The same source for one command: after one timeout it is not queried again. */
export function waitedForOnce(source: CommitSource): CommitSource {
  let silence: SourceFault | undefined
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    if (silence !== undefined) throw silence
    return question().catch((error: unknown) => {
      if (error instanceof SourceFault && error.isSilent) silence = error
      throw error
    })
  }
  return {
    name: source.name,
    contains: (sha, deployed) => ask(() => source.contains(sha, deployed)),
    mergeRequest: (address) => ask(() => source.mergeRequest(address)),
    refsWith: (sha) => ask(() => source.refsWith(sha)),
    keepsDeploymentsOf: (environment) => source.keepsDeploymentsOf(environment),
    lastDeployment: (environment) => ask(() => source.lastDeployment(environment)),
  }
}
