/**
 * Which folders of `src/` a folder may import: the single definition of the direction of dependencies. ARCHITECTURE.md
 * shows the same table, and a test keeps the two equal. `'*'` allows every folder.
 */
export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[] | '*'>> = {
  observability: [],
  credentials: [],
  applications: [],
  handoff: [],
  parameters: [],
  spelling: [],
  http: ['observability'],
  storage: ['observability'],
  outcomes: [],
  guards: ['outcomes'],
  config: ['applications', 'http', 'outcomes', 'probes', 'spelling'],
  flags: ['applications', 'spelling'],
  chatops: ['flags'],
  rollouts: ['applications', 'flags', 'guards', 'outcomes'],
  probes: ['credentials', 'http', 'outcomes'],
  routing: ['applications', 'credentials', 'flags', 'parameters'],
  'authorization-server': ['applications', 'credentials', 'http', 'observability', 'parameters', 'storage'],
  replication: ['applications', 'handoff', 'http', 'observability', 'storage'],
  monolith: [
    'applications',
    'authorization-server',
    'credentials',
    'handoff',
    'http',
    'observability',
    'replication',
    'storage',
  ],
  iam: ['applications', 'authorization-server', 'credentials', 'handoff', 'http', 'observability', 'storage'],
  'control-plane': [
    'applications',
    'chatops',
    'credentials',
    'flags',
    'guards',
    'handoff',
    'http',
    'observability',
    'outcomes',
    'parameters',
    'probes',
    'rollouts',
    'routing',
    'storage',
  ],
  gateway: ['credentials', 'flags', 'http', 'observability', 'outcomes', 'routing'],
  'data-plane': ['credentials', 'flags', 'gateway', 'http', 'observability', 'routing'],
  demo: ['credentials', 'http', 'observability'],
  cli: '*',
  'main.ts': ['cli'],
}

/** The only folders that may read `process.env`; all others receive a validated configuration. */
export const ENVIRONMENT_READERS: readonly string[] = ['cli', 'config']

/** Names without meaning: a folder or file is named by its content. */
export const FORBIDDEN_NAMES: readonly string[] = ['common', 'helper', 'helpers', 'misc', 'shared', 'util', 'utils']

/** A folder inside `src/` with more entries than this must be divided into rooms. */
export const MAX_ENTRIES = 20

/** A source file longer than this must be split by idea. Tests are exempt. */
export const MAX_LINES = 500
