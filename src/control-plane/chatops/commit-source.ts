import type { MergeRequestAddress } from '../../chatops/index.ts'

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
  /** What was deployed last; undefined where it keeps no such record. */
  lastDeployment(environment: string): Promise<{ readonly sha: string; readonly ref: string } | undefined>
}

/** A source gave no answer; the message names no address and no token. */
export class SourceFault extends Error {
  readonly code = 'source_fault'
  constructor(message: string, options: { cause: unknown }) {
    super(message, options)
    this.name = 'SourceFault'
  }
}
