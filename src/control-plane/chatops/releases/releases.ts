import { headingOf, type MergeRequestAddress, RUN_ORDER, releaseVerdict, type Section } from '../../../chatops/index.ts'
import type { Environment } from '../../../flags/index.ts'
import type { ChatOpsDependencies } from '../context/dependencies.ts'
import { type CommitSource, SourceFault } from './commit-source.ts'
import { type Deployment, isListed, latestDeployments, type Stage } from './deployments.ts'

/** The sources of answers about versions. */
export interface ReleaseTools {
  readonly dependencies: Pick<ChatOpsDependencies, 'store' | 'gateways'>
  readonly sources: readonly CommitSource[]
}

/** `auto_deploy status`: what runs in each environment, and which deployments contain the commits. */
export async function deployStatus(tools: ReleaseTools, shas: readonly string[]): Promise<Section[]> {
  const sections: Section[] = []
  const found = new Set<string>()
  let isAllRead = true
  for (const environment of [...RUN_ORDER].reverse()) {
    const { running, troubles } = await runningIn(tools, environment)
    if (running.length === 0 && troubles.length === 0) continue
    const lines = troubles.map((trouble) => `monolith: not known: ${trouble}`)
    if (troubles.length > 0) isAllRead = false
    for (const part of running) {
      const commit = part.commit === null ? '' : `, commit ${part.commit.slice(0, 12)}`
      lines.push(`${part.component} ${part.version}${commit}${part.note}`)
      for (const sha of shas) {
        const answer = await answerOf(tools, part, sha)
        if (answer !== 'unknown commit') found.add(sha)
        lines.push(`  ${sha.slice(0, 12)}: ${answer}`)
      }
    }
    sections.push({ heading: headingOf(environment, 'runs'), tone: 'info', lines })
  }
  if (sections.length === 0) {
    const lines = ['no gateway is connected, and no deployment has been recorded (POST /api/v1/deployments)']
    return [{ heading: 'Nothing is known', tone: 'info', lines }]
  }
  const unknown = shas.filter((sha) => !found.has(sha))
  if (unknown.length > 0) {
    const nor = tools.sources.length === 0 ? '' : `, and unknown to ${namesOf(tools)}`
    const where = isAllRead ? `a deployment${nor}` : 'a deployment that could be read'
    const lines = unknown.map((sha) => `${sha}: in no record of ${where}`)
    sections.push({ heading: 'Unknown commits', tone: 'refused', lines })
  }
  return sections
}

/** `release check`: how far a merge request has progressed towards a version. */
export async function checkRelease(
  tools: ReleaseTools,
  address: MergeRequestAddress,
  version: string | undefined,
): Promise<Section> {
  const name = `${address.project}!${address.iid}`
  const troubles: string[] = []
  for (const source of tools.sources) {
    try {
      const request = await source.mergeRequest(address)
      if (request === undefined) continue
      if (request.commit === undefined) {
        const lines = [`it is ${request.state}, not merged, so it is in no release`]
        return { heading: `${name}: not merged`, tone: 'info', lines }
      }
      const refs = await source.refsWith(request.commit)
      const isOnProduction = await isOn(tools, 'production', request.commit)
      const verdict = releaseVerdict(version, { tags: [], branches: [], ...refs, isOnProduction })
      const lines = [verdict.says, `merged as ${request.commit.slice(0, 12)}`]
      return { heading: `${name}: ${verdict.kind.replaceAll('_', ' ')}`, tone: 'info', lines }
    } catch (error) {
      troubles.push(troubleOf(error))
    }
  }
  const asked =
    tools.sources.length === 0
      ? 'neither a git repository nor GitLab is configured'
      : `it is unknown to ${namesOf(tools)}`
  return { heading: `${name}: unknown`, tone: 'refused', lines: troubles.length > 0 ? troubles : [asked] }
}

interface Running extends Pick<Deployment, 'commit' | 'contains' | 'stage'> {
  readonly component: string
  readonly version: string
  readonly note: string
}

/** What runs in an environment, and why the list may be incomplete. */
async function runningIn(
  { dependencies, sources }: ReleaseTools,
  environment: Environment,
): Promise<{ readonly running: Running[]; readonly troubles: readonly string[] }> {
  const troubles: string[] = []
  const recorded = (await latestDeployments(dependencies.store)).filter((each) => each.environment === environment)
  const running: Running[] = recorded.map(({ component, stage, version, commit, contains, deployed_at }) => ({
    ...{ component, stage, version, commit, contains },
    note: `${stage === 'canary' ? ' on the canary' : ''}, since ${deployed_at.toISOString()}`,
  }))
  const counts = new Map<string, { version: string; commit: string | null; count: number }>()
  for (const gateway of await dependencies.gateways.all()) {
    if (!gateway.isConnected || gateway.environment !== environment || gateway.version === null) continue
    const { version, commit } = gateway
    const key = `${version} ${commit ?? ''}`
    const held = counts.get(key)
    if (held) held.count++
    else counts.set(key, { version, commit, count: 1 })
  }
  for (const { version, commit, count } of counts.values()) {
    const note = ` (reported by ${count} ${count === 1 ? 'process' : 'processes'})`
    running.push({ component: 'gateway', stage: 'main', version, commit, contains: [], note })
  }
  if (!recorded.some(({ component }) => component === 'monolith')) {
    for (const source of sources.filter((each) => each.keepsDeploymentsOf(environment))) {
      const last = await source.lastDeployment(environment).catch((error: unknown) => {
        troubles.push(troubleOf(error))
        return undefined
      })
      if (last)
        running.push({
          component: 'monolith',
          stage: 'main',
          version: last.ref,
          commit: last.sha,
          contains: [],
          note: `, by ${source.name}`,
        })
    }
  }
  return { running, troubles }
}

/** A part of an environment, and whether it contains a commit. */
export interface DeployedPart {
  readonly component: string
  readonly stage: Stage
  readonly answer: Answer
}

/** Every part that is known to run in an environment, and whether it contains a commit. */
export async function deployedParts(
  tools: ReleaseTools,
  environment: Environment,
  sha: string,
): Promise<DeployedPart[]> {
  const { running } = await runningIn(tools, environment)
  return Promise.all(
    running.map(async (part) => ({
      ...{ component: part.component, stage: part.stage },
      answer: await answerOf(tools, part, sha),
    })),
  )
}

type Answer = 'contained' | 'not contained' | 'unknown commit' | `not known: ${string}`

async function answerOf({ sources }: ReleaseTools, part: Running, sha: string): Promise<Answer> {
  if (isListed(part, sha)) return 'contained'
  const troubles: string[] = []
  for (const source of part.commit === null ? [] : sources) {
    try {
      const isIn = await source.contains(sha, part.commit ?? '')
      if (isIn !== undefined) return isIn ? 'contained' : 'not contained'
    } catch (error) {
      troubles.push(troubleOf(error))
    }
  }
  return troubles.length > 0 ? `not known: ${troubles.join('; ')}` : 'unknown commit'
}

/** Whether any deployment in an environment contains a commit; undefined if that is unknown. */
async function isOn(tools: ReleaseTools, environment: Environment, sha: string): Promise<boolean | undefined> {
  const { running, troubles } = await runningIn(tools, environment)
  const answers = await Promise.all(running.map((part) => answerOf(tools, part, sha)))
  if (answers.includes('contained')) return true
  const isTroubled = troubles.length > 0 || answers.some((answer) => answer.startsWith('not known'))
  return answers.includes('not contained') && !isTroubled ? false : undefined
}

function namesOf({ sources }: ReleaseTools): string {
  return sources.map(({ name }) => name).join(' and ')
}

function troubleOf(error: unknown): string {
  if (error instanceof SourceFault) return error.message
  throw error
}
