import { z } from 'zod'
import { describeDifferences } from '../contracts/doorkeeper/describe-differences.ts'
import { optionsOf, type Section, sections } from '../src/config/index.ts'
import { planSchema } from '../src/rollouts/index.ts'

const SUMMARIES: Readonly<Record<Section, string>> = {
  gateway: 'The reverse proxy in front of the monolith.',
  control: 'The control plane.',
  iam: 'The IAM auth service.',
  monolith: 'The Doorkeeper-compatible monolith.',
  up: 'All of it on one machine.',
}

/**
 * Files that are generated from the schemas of the configuration and of rollout plans, and from the contract's list of
 * differences: path in the checkout, and content. `npm run generate` writes them.
 */
export function generatedFiles(): ReadonlyArray<readonly [path: string, content: string]> {
  return [
    ['docs/configuration.md', reference()],
    ['config.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`],
    ['docs/deliberate-differences.md', describeDifferences()],
    ['docs/rollout-plan.schema.json', `${JSON.stringify(planJsonSchema(), null, 2)}\n`],
  ]
}

function reference(): string {
  const parts = (Object.keys(sections) as Section[]).map((section) => {
    const rows = optionsOf(section).map((option) => {
      const flags = option.flags.map((flag) => `\`${flag}\``).join(', ')
      const variables = option.isFileOnly
        ? 'in the file only'
        : option.variables.map((name) => `\`${name}\``).join(', ')
      const fallback = option.fallback === undefined ? '' : ` Default: \`${String(option.fallback)}\`.`
      return `| \`${option.key}\` | ${flags}${option.placeholder ? ` \`${option.placeholder.replaceAll('|', '\\|')}\`` : ''} | ${variables} | ${option.description}${fallback} |`
    })
    return `## handover ${section}\n\n${SUMMARIES[section]}\n\n| key | option | variable | what |\n|---|---|---|---|\n${rows.join('\n')}\n`
  })
  return `# Configuration

Made from the schema in \`src/config/schema.ts\` by \`npm run generate\`; do not edit.

Options go over environment variables, those over the file that \`--config FILE\` (or \`HANDOVER_CONFIG\`) names. The file is
YAML with a section for each command, and \`config.schema.json\` describes it to editors. Unknown keys are faults; every fault
is reported at once, and the exit code is 2.

\`\`\`yaml
gateway:
  legacy_url: http://127.0.0.1:3000
  iam_url: http://127.0.0.1:8084
  control_url: [http://127.0.0.1:8080]
  control_token_file: /etc/handover/gateway-token
\`\`\`

Commands that talk to a running control plane (\`flag\`, \`brake\`, \`explain\` and the like) find it by \`--control-url\` or
\`HANDOVER_CONTROL_URL\`, and their token by \`--token-file\` or \`HANDOVER_TOKEN_FILE\`; without either, at
\`./data/admin-token\` and at the address that \`handover up\` records next to the token (\`addresses.json\`).

${parts.join('\n')}`
}

function jsonSchema(): object {
  const file = z.strictObject(
    Object.fromEntries(Object.entries(sections).map(([name, schema]) => [name, schema.partial().optional()])),
  )
  return { ...z.toJSONSchema(file, { io: 'input', unrepresentable: 'any' }), title: 'Handover configuration' }
}

/** The form of a rollout plan, for editors. Rules across fields are checked when a plan is read. */
function planJsonSchema(): object {
  return { ...z.toJSONSchema(planSchema, { io: 'input', unrepresentable: 'any' }), title: 'Handover rollout plan' }
}
