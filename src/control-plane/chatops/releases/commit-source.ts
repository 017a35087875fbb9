import type { MergeRequestAddress } from '../../../chatops/index.ts'

/** A merge request as its source knows it. */
export interface MergeRequest {
  readonly state: string
  /** What it became on the target branch; undefined as long as it is not merged. */
  readonly commit: string | undefined
}

/** Something that knows commits: a clone of the repository, or GitLab. All answers come within a time limit. */
export interface CommitSource {
  readonly name: string
  /** Whether `sha` is part of `deployed`; undefined when it knows one of the two not. Rejects when it gives no answer. */
  contains(sha: string, deployed: string): Promise<boolean | undefined>
  /** Undefined for a merge request that it does not know. */
  mergeRequest(address: MergeRequestAddress): Promise<MergeRequest | undefined>
  /** The tags and branches that contain a commit; undefined for a commit that it does not know. */
  refsWith(sha: string): Promise<{ readonly tags: readonly string[]; readonly branches: readonly string[] } | undefined>
  /** Whether it keeps a record of what is deployed to an environment; asks nobody. */
  keepsDeploymentsOf(environment: string): boolean
  /** What was deployed last; undefined where it knows of nothing. */
  lastDeployment(environment: string): Promise<{ readonly sha: string; readonly ref: string } | undefined>
}

/** A source gave no answer; the message names no address and no token. */
export class SourceFault extends Error {
  readonly code = 'source_fault'
  /** Whether it said nothing at all, so that asking again would be waiting again. */
  readonly isSilent: boolean
  constructor(message: string, options: { cause: unknown; isSilent?: boolean }) {
    super(message, options)
    this.name = 'SourceFault'
    this.isSilent = options.isSilent ?? false
  }
}

/** The same source for one command: once it has said nothing within its time, it is not waited for again. */
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
