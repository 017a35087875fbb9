/** What is known about the progress of a merged commit. */
export interface ReleaseFacts {
  /** Tags and branches that contain the commit. */
  readonly tags: readonly string[]
  readonly branches: readonly string[]
  /** Whether production runs it; undefined if unknown. */
  readonly isOnProduction: boolean | undefined
}

/** The progress of a change towards a version, and a sentence that describes it. */
export interface ReleaseVerdict {
  readonly kind: 'released' | 'in_stable_branch' | 'on_production' | 'not_yet' | 'unknown'
  readonly says: string
}

/** Whether a change is released in a version (`19.1` or `19.1.2`), or in any version if none is given. */
export function releaseVerdict(version: string | undefined, facts: ReleaseFacts): ReleaseVerdict {
  const tag = facts.tags.filter((name) => isTagOf(name, version)).sort(byVersion)[0]
  const which = version ?? 'a release'
  if (tag !== undefined) return { kind: 'released', says: `it is released in ${version ?? tag} (tag ${tag})` }
  const branch = facts.branches.find((name) => isStableBranchOf(name, version))
  if (branch !== undefined) {
    return { kind: 'in_stable_branch', says: `it is in ${branch}, so it will be in ${which}` }
  }
  if (facts.isOnProduction === true) {
    return { kind: 'on_production', says: `it runs on production, but no branch for ${which} contains it yet` }
  }
  if (facts.isOnProduction === undefined) {
    return {
      kind: 'unknown',
      says: `no tag or stable branch for ${which} contains it; whether production runs it is unknown`,
    }
  }
  return { kind: 'not_yet', says: `it is not yet in a branch for ${which}, nor on production` }
}

const RELEASE_TAG = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+](?:ee|ce))?$/

function isTagOf(tag: string, version: string | undefined): boolean {
  const found = RELEASE_TAG.exec(tag)
  if (!found) return false
  if (version === undefined) return true
  const wanted = version.split('.')
  return wanted.every((part, index) => Number(found[index + 1]) === Number(part))
}

function isStableBranchOf(branch: string, version: string | undefined): boolean {
  const found = /(?:^|\/)(\d+)-(\d+)-stable(?:-ee|-ce)?$/.exec(branch)
  if (!found) return false
  const [major, minor] = version?.split('.') ?? found.slice(1)
  return Number(found[1]) === Number(major) && Number(found[2]) === Number(minor)
}

function byVersion(a: string, b: string): number {
  const [x, y] = [RELEASE_TAG.exec(a), RELEASE_TAG.exec(b)]
  for (const part of [1, 2, 3]) {
    const difference = Number(x?.[part]) - Number(y?.[part])
    if (difference !== 0) return difference
  }
  return a < b ? -1 : 1
}
