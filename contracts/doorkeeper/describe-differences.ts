import { compareResponse } from './comparer.ts'
import { DELIBERATE_DIFFERENCES, type DeliberateDifference } from './deliberate-differences.ts'
import { resolvePinned } from './pinned-answer.ts'
import {
  comparedSteps,
  RECORDED,
  type RecordedResponse,
  type RecordedScenario,
  readRecording,
  VERSIONS,
} from './recording.ts'
import { UNRECORDED_DIFFERENCES, type UnrecordedDifference } from './unrecorded-differences.ts'

const WHEN: Readonly<Record<DeliberateDifference['when'], string>> = {
  always: 'always',
  'handed off': 'for a moved application',
  'not handed off': 'before an application moves',
}

/** Renders the list of deliberate differences as a document. */
export function describeDifferences(): string {
  const recordings = new Map(VERSIONS.map((version) => [version, readRecording(version)] as const))
  const sections = [...new Set(DELIBERATE_DIFFERENCES.map(({ id }) => id))].sort().map((id) => {
    const entries = DELIBERATE_DIFFERENCES.filter((one) => one.id === id).map((one) => {
      const recording = recordings.get(one.versions?.[0] ?? VERSIONS[0]) ?? new Map()
      return describeOne(one, recording)
    })
    return `## ${id}\n\n${entries.join('\n')}`
  })
  const versions = VERSIONS.map((version) => `- ${version}: ${RECORDED[version]}`)
  const size = recordings.get(VERSIONS[0])?.size
  return `# Deliberate differences from Doorkeeper

Made from \`contracts/doorkeeper/deliberate-differences.ts\` by \`npm run generate\`; do not edit.

Both authorization servers are checked against what a real Doorkeeper answered in ${size} recorded scenarios, in each of its versions:

${versions.join('\n')}

These are all the places where they answer something else on purpose. An answer that differs and is not on this list fails
the tests; at the steps on it the servers must give the answer in the list, and an entry that no longer differs
fails too. Entries are numbered in [doorkeeper.md](doorkeeper.md); letters and digits are scenarios in
\`contracts/doorkeeper/scenarios/\`.

${sections.join('\n')}
## In addition to the recording

What no recorded scenario asks, observed with Doorkeeper 5.5.0 and doorkeeper-openid_connect 1.8.0 on Rails 6.1
(\`examples/doorkeeper\`). The same tests check these answers of the servers.

${UNRECORDED_DIFFERENCES.map(describeUnrecorded).join('\n')}`
}

function describeUnrecorded(one: UnrecordedDifference): string {
  return `### ${one.id}

${one.asked}, ${WHEN[one.when]}.

- Doorkeeper: ${one.doorkeeper}
- Ours: ${one.ours}
- Why: ${one.why}
- Source: ${one.source}
`
}

function describeOne(one: DeliberateDifference, recording: ReadonlyMap<string, RecordedScenario>): string {
  const recorded = comparedSteps(recording.get(one.id) ?? { id: one.id, title: '', steps: [] })[one.step - 1]?.response
  if (recorded === undefined) throw new Error(`${one.id} has no step ${one.step}`)
  const answer = resolvePinned(one.answer, recording)
  const found = compareResponse(recorded, answer, { asSeen: one.when === 'handed off' })
  const parts = [...new Set(found.map(([part]) => part))].join(', ')
  const versions = one.versions === undefined ? '' : `, version ${one.versions.join(' and ')} only`
  return `Step ${one.step}, ${WHEN[one.when]}${versions}. Differs in: ${parts}.

- Doorkeeper: ${one.doorkeeper} (${inShort(recorded)})
- Ours: ${one.ours} (${inShort(answer)})
- Why: ${one.why}
- Source: ${one.source}
`
}

/** The status, with the OAuth error or the redirect target. */
function inShort({ status, json, headers }: RecordedResponse): string {
  const error = typeof json === 'object' && json !== null && 'error' in json ? ` \`${String(json.error)}\`` : ''
  const location = headers.find(([name]) => name.toLowerCase() === 'location')?.[1]
  return `${status}${error}${location === undefined ? '' : ` to \`${location.split('?')[0]}\``}`
}
