import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readDefinitions } from './read-definitions.ts'
import { suggestName } from './suggest.ts'

const ROOT = join(import.meta.dirname, '..', '..', 'flags')

const SOUND = `name: some_flag
introduced_by_url: https://example.com/1
rollout_issue_url: https://example.com/2
milestone: '19.1'
type: gitlab_com_derisk
group: group::authentication
default_enabled: false
`

function faultsOf(path: string, text: string): readonly string[] {
  const read = readDefinitions([{ path, text }])
  return 'faults' in read ? read.faults : []
}

test('the shipped definitions are valid and define both routing flags', () => {
  const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.yml'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
  const read = readDefinitions(files)
  assert.ok('flags' in read)
  assert.deepEqual([...read.flags.keys()].sort(), [
    'proxy_oauth_requests_to_iam_service',
    'route_unknown_oauth_clients_to_iam',
  ])
})

test('each error names file, field and rule', () => {
  const path = 'gitlab_com_derisk/some_flag.yml'
  const cases: ReadonlyArray<readonly [string, string, RegExp]> = [
    ['a milestone that is a number', SOUND.replace("'19.1'", '19.1'), /milestone: must be text: put it in quotes/],
    ['a milestone of another form', SOUND.replace("'19.1'", 'soon'), /milestone: must look like '19.1'/],
    ['no group', SOUND.replace(/group: .*\n/, ''), /group: must be given/],
    ['a group of another form', SOUND.replace('group::', 'team '), /group: must look like/],
    ['an invalid address', SOUND.replace('https://example.com/1', 'later'), /introduced_by_url: must be an http/],
    ['a script for an address', SOUND.replace('https://example.com/1', 'javascript:x'), /introduced_by_url: must be/],
    [
      'a default that is on',
      SOUND.replace('enabled: false', 'enabled: true'),
      /default_enabled: must be false for type/,
    ],
    [
      'a default that is text',
      SOUND.replace('enabled: false', "enabled: 'no'"),
      /default_enabled: must be true or false/,
    ],
    [
      'no rollout issue',
      SOUND.replace(/rollout.*\n/, ''),
      /rollout_issue_url: must be given for type gitlab_com_derisk/,
    ],
    ['an unknown type', SOUND.replace('gitlab_com_derisk', 'opps'), /type: must be one of .*, did you mean ops\?/],
    ['an unknown field', `${SOUND}milestones: x\n`, /milestones: unknown field, did you mean milestone/],
    ['a field given twice', `${SOUND}group: group::x\n`, /not YAML: Map keys must be unique/],
    ['a list', '- name', /must be a mapping of fields/],
    ['nothing', '', /must be a mapping of fields/],
    ['broken YAML', 'name: [', /not YAML/],
    [
      'another name than the file',
      SOUND.replace('some_flag', 'other_flag'),
      /name: other_flag must match the file name/,
    ],
  ]
  for (const [what, text, expected] of cases) {
    const faults = faultsOf(path, text)
    assert.ok(faults.length > 0, `${what} was let through`)
    assert.match(faults.join('\n'), expected, what)
    for (const fault of faults) assert.ok(fault.startsWith(`${path}: `), fault)
  }
})

test('a definition must be in the folder of its type', () => {
  const text = SOUND
  assert.match(faultsOf('ops/some_flag.yml', text).join(), /type: gitlab_com_derisk must match the folder name/)
  assert.match(faultsOf('opps/some_flag.yml', text).join(), /opps is not a flag type, did you mean ops/)
  assert.match(faultsOf('some_flag.yml', text).join(), /must be in <type>\/<name>.yml/)
  assert.match(faultsOf('gitlab_com_derisk/some_flag.yaml', text).join(), /must be in <type>\/<name>.yml/)
  assert.match(faultsOf('gitlab_com_derisk/deeper/some_flag.yml', text).join(), /must be in/)
})

test('all errors of all files are reported together, and a name may be defined only once', () => {
  const wip = SOUND.replace('gitlab_com_derisk', 'wip')
  const read = readDefinitions([
    { path: 'gitlab_com_derisk/some_flag.yml', text: SOUND },
    { path: 'wip/some_flag.yml', text: wip },
    { path: 'ops/broken.yml', text: 'name: broken' },
  ])
  assert.ok('faults' in read)
  const text = read.faults.join('\n')
  assert.match(text, /wip\/some_flag.yml: name: some_flag is already defined in gitlab_com_derisk\/some_flag.yml/)
  for (const field of ['introduced_by_url', 'milestone', 'type', 'group', 'default_enabled']) {
    assert.match(text, new RegExp(`ops/broken.yml: ${field}: must be given`))
  }
})

test('a feature group lists its applications by id', () => {
  const sound = readDefinitions([{ path: 'feature_groups/pilots.yml', text: 'name: pilots\napplications: [1, 2]\n' }])
  assert.ok('featureGroups' in sound)
  assert.deepEqual(sound.featureGroups.get('pilots')?.applications, [1, 2])
  assert.match(
    faultsOf('feature_groups/pilots.yml', 'name: pilots\napplications: [a]\n').join(),
    /applications.0: must be application ids/,
  )
  assert.match(
    faultsOf('feature_groups/pilots.yml', 'name: pilots\naplications: [1]\n').join(),
    /aplications: unknown field, did you mean applications/,
  )
})

test('a mistyped name gets a suggestion, and nonsense gets none', () => {
  const known = ['proxy_oauth_requests_to_iam_service', 'route_unknown_oauth_clients_to_iam']
  assert.equal(suggestName('proxy_oauth_request_to_iam', known), 'proxy_oauth_requests_to_iam_service')
  assert.equal(suggestName('proxy_oauth', known), 'proxy_oauth_requests_to_iam_service')
  assert.equal(suggestName('zzz', known), undefined)
  assert.equal(suggestName('x'.repeat(100_000), known), undefined)
})
