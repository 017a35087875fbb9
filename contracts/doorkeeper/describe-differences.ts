import { DELIBERATE_DIFFERENCES, type DeliberateDifference } from './deliberate-differences.ts'

const WHEN: Readonly<Record<DeliberateDifference['when'], string>> = {
  always: 'always',
  'handed off': 'for a moved application',
  'not handed off': 'before an application moves',
}

/** The list of deliberate differences as a document. */
export function describeDifferences(): string {
  const sections = [...new Set(DELIBERATE_DIFFERENCES.map(({ id }) => id))].sort().map((id) => {
    const all = DELIBERATE_DIFFERENCES.filter((one) => one.id === id)
    return `## ${id}\n\n${all.map(describeOne).join('\n')}`
  })
  return `# Deliberate differences from Doorkeeper

Made from \`contracts/doorkeeper/deliberate-differences.ts\` by \`npm run generate\`; do not edit.

Both authorization servers are held to what a real Doorkeeper 5.9.1 answered in 364 recorded scenarios. These are all the
places where they answer something else on purpose. An answer that differs and is not on this list fails the tests, and so
does an entry that no longer occurs. Entries are numbered in [doorkeeper.md](doorkeeper.md); letters and digits are scenarios
in \`contracts/doorkeeper/scenarios/\`.

${sections.join('\n')}`
}

function describeOne(one: DeliberateDifference): string {
  return `Step ${one.step}, ${WHEN[one.when]}. Differs in: ${one.parts.join(', ')}.

- Doorkeeper: ${one.doorkeeper}
- Ours: ${one.ours} (${one.status})
- Why: ${one.why}
- Source: ${one.source}
`
}
