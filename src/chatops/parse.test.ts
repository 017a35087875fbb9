import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Command, FeatureSet } from './command.ts'
import { parseCommand } from './parse.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const GRAMMAR = { isRoutingFlag: (flag: string) => flag === FLAG }

function command(text: string): Command {
  const parsed = parseCommand(text, GRAMMAR)
  assert.ok('command' in parsed, 'fault' in parsed ? parsed.fault : '')
  return parsed.command
}

function setting(text: string): FeatureSet {
  const read = command(text)
  assert.equal(read.kind, 'feature_set')
  return read as FeatureSet
}

function fault(text: string): string {
  const parsed = parseCommand(text, GRAMMAR)
  assert.ok('fault' in parsed, `was understood: ${JSON.stringify(parsed)}`)
  return parsed.fault
}

const NON_PRODUCTION = ['dev', 'staging', 'staging-ref', 'pre']

/** The commands of the rollout checklist, word for word except for the names in angle brackets. */
const CHECKLIST: ReadonlyArray<readonly [line: string, parameters: Record<string, string>, environments: string[]]> = [
  [
    `/chatops gitlab run feature set --actors=Authn::OauthApplication:42 ${FLAG} true --dev --pre --staging --staging-ref`,
    { value: 'true', oauth_application: 'Authn::OauthApplication:42' },
    NON_PRODUCTION,
  ],
  [
    `/chatops gitlab run feature set ${FLAG} 50 --actors --dev --pre --staging --staging-ref`,
    { value: '50', key: 'percentage_of_actors' },
    NON_PRODUCTION,
  ],
  [
    `/chatops gitlab run feature set ${FLAG} true --dev --pre --staging --staging-ref`,
    { value: 'true' },
    NON_PRODUCTION,
  ],
  [
    `/chatops gitlab run feature set ${FLAG} false --dev --pre --staging --staging-ref`,
    { value: 'false' },
    NON_PRODUCTION,
  ],
  [
    `/chatops gitlab run feature set --actors=Authn::OauthApplication:42 ${FLAG} true`,
    { value: 'true', oauth_application: 'Authn::OauthApplication:42' },
    ['production'],
  ],
  [`/chatops gitlab run feature set ${FLAG} 1 --actors`, { value: '1', key: 'percentage_of_actors' }, ['production']],
  [
    `/chatops gitlab run feature set ${FLAG} 0.1 --actors`,
    { value: '0.1', key: 'percentage_of_actors' },
    ['production'],
  ],
  [
    `/chatops gitlab run feature set ${FLAG} 100 --actors`,
    { value: '100', key: 'percentage_of_actors' },
    ['production'],
  ],
  [`/chatops gitlab run feature set ${FLAG} true`, { value: 'true' }, ['production']],
  [`/chatops gitlab run feature set ${FLAG} false`, { value: 'false' }, ['production']],
  [`/chatops run feature set ${FLAG} false --production`, { value: 'false' }, ['production']],
]

describe('the commands of the rollout checklist', () => {
  for (const [line, parameters, environments] of CHECKLIST) {
    test(line, () => {
      const { flag, parameters: read, environments: named, overrides } = setting(line)
      assert.deepEqual(
        { flag, parameters: read, environments: named, overrides },
        {
          ...{ flag: FLAG, parameters, environments, overrides: [] },
        },
      )
    })
  }

  test('delete covers all environments, production last', () => {
    assert.deepEqual(
      command(`/chatops gitlab run feature delete ${FLAG} --dev --pre --staging --staging-ref --production`),
      {
        kind: 'feature_delete',
        flag: FLAG,
        environments: ['dev', 'staging', 'staging-ref', 'pre', 'production'],
        isDryRun: false,
        confirm: undefined,
        reason: undefined,
        changeIssue: undefined,
        overrides: [],
      },
    )
  })

  test('get, list, auto_deploy status and release check', () => {
    assert.deepEqual(command(`/chatops gitlab run feature get ${FLAG} --staging`), {
      ...{ kind: 'feature_get', flag: FLAG, environments: ['staging'] },
    })
    assert.deepEqual(command('/chatops gitlab run feature list --match proxy_ --staging'), {
      ...{ kind: 'feature_list', match: 'proxy_', environments: ['staging'] },
    })
    assert.deepEqual(command('/chatops gitlab run auto_deploy status 0A1b2c3d4e5f'), {
      ...{ kind: 'auto_deploy_status', shas: ['0a1b2c3d4e5f'] },
    })
    assert.deepEqual(
      command('/chatops gitlab run release check https://gitlab.com/gitlab-org/gitlab/-/merge_requests/236263 19.1'),
      {
        kind: 'release_check',
        mergeRequest: {
          url: 'https://gitlab.com/gitlab-org/gitlab/-/merge_requests/236263',
          project: 'gitlab-org/gitlab',
          iid: 236_263,
        },
        version: '19.1',
      },
    )
  })
})

describe('ambiguous input is refused with the rule it breaks', () => {
  const rows: ReadonlyArray<readonly [text: string, rule: RegExp]> = [
    [`feature set ${FLAG} true --actors`, /--actors without a value requires a percentage, not true/],
    [`feature set ${FLAG} false --actors`, /--actors without a value requires a percentage, not false/],
    [`feature set --actors=Authn::OauthApplication:42 ${FLAG} 50`, /exclude each other/],
    [`feature set --actors=Authn::OauthApplication:42 --actors ${FLAG} 50`, /--actors is given twice/],
    [`feature set --actors --actors=Authn::OauthApplication:42 ${FLAG} 50`, /--actors is given twice/],
    [`feature set --actors=true ${FLAG} true`, /takes actors such as Authn::OauthApplication:42, not "true"/],
    [`feature set --actors=50 ${FLAG} true`, /is ambiguous: it could be a percentage or an application/],
    [`feature set --actors= ${FLAG} true`, /--actors needs a value/],
    [`feature set --actors=Authn::OauthApplication:42, ${FLAG} true`, /takes actors such as/],
    [`feature set --actors Authn::OauthApplication:42 ${FLAG} true`, /write --actors=Authn::OauthApplication:42/],
    [`feature set --actors=Project:1 ${FLAG} true`, /is not a supported actor/],
    [`feature set --actors=Authn::OauthApplication:<id> ${FLAG} true`, /takes actors such as/],
    [`feature set --actors=Authn::OauthApplication:1 --oauth-application=2 ${FLAG} true`, /both specify applications/],
    [`feature set --oauth-application=1 --actors ${FLAG} 50`, /--actors and --oauth-application exclude/],
    [`feature set ${FLAG} 50`, /the percentage 50 needs --actors/],
    [`feature set ${FLAG} 5abc --actors`, /"5abc" is not a value/],
    [`feature set ${FLAG} 1e1 --actors`, /is not a value/],
    [`feature set ${FLAG} 101 --actors`, /is not a value/],
    [`feature set ${FLAG} -5 --actors`, /is not a value/],
    [`feature set ${FLAG} 0.0001 --actors`, /at most three decimals/],
    [`feature set ${FLAG} 50% --actors`, /write 50 --actors, without the % sign/],
    [`feature set ${FLAG} on`, /write true/],
    [`feature set ${FLAG} FALSE`, /write false/],
    [`feature set ${FLAG}`, /specify one flag and one value/],
    [`feature set ${FLAG} true true`, /specify one flag and one value, not/],
    [`feature set ${FLAG} 50 --random`, /either side at random. Use --actors/],
    [`feature set ${FLAG} 50 --random --ignore-random-deprecation-check`, /--random is not allowed for/],
    [`feature set other_flag 50 --random`, /add --ignore-random-deprecation-check/],
    [`feature set other_flag 50 --actors --random`, /--actors and --random exclude each other/],
    [`feature set ${FLAG} true --dev=false`, /--dev takes no value/],
    [`feature set ${FLAG} opt_out`, /opt_out needs --oauth-application/],
    [`feature set ${FLAG} true --change-issue=42`, /must be the URL of an issue/],
    [`feature set ${FLAG} true --reason=${'x'.repeat(501)}`, /may have at most 500 characters/],
    [`feature set Flag-1 true`, /is not a valid flag name/],
  ]
  for (const [text, rule] of rows) test(text, () => assert.match(fault(text), rule))

  test("options of GitLab's chatops are refused with the alternative here", () => {
    for (const option of ['project', 'group', 'user', 'repository', 'namespace', 'organization']) {
      assert.match(fault(`feature set ${FLAG} true --${option}=x`), /apply to OAuth applications/, option)
    }
    assert.match(fault(`feature set ${FLAG} true --ops`), /there is no environment ops/)
  })

  test('a mistyped command, option or environment gets a suggestion', () => {
    assert.match(fault(`feature sett ${FLAG} true`), /did you mean 'feature set'/)
    assert.match(fault(`feature set ${FLAG} true --stagin`), /did you mean --staging\?/)
    assert.match(fault(`feature set ${FLAG} true --environment prod`), /did you mean production\?/)
    assert.match(fault('make coffee'), /is not a command; the commands are feature get/)
    assert.match(fault(`feature get ${FLAG} --dry-run`), /is not valid with 'feature get'/)
  })
})

describe('the changes that Slack and phones make to text are reverted', () => {
  const meant = setting(`feature set ${FLAG} true --oauth-application=7 --reason="see the plan" --dev`)
  const spellings = [
    `feature set ${FLAG} true —oauth-application=7 —reason=“see the plan” –dev`,
    `\`feature set ${FLAG} true --oauth-application=7 --reason="see the plan" --dev\``,
    `/chatops\u00a0gitlab run  feature set \`${FLAG}\` true --oauth-application 7 --reason 'see the plan' --dev`,
    `feature set '${FLAG}' "true" --oauth-application="7" --reason=‘see the plan’ --dev`,
  ]
  for (const text of spellings) test(text, () => assert.deepEqual(setting(text), meant))

  test('links and entities', () => {
    const url = 'https://gitlab.com/a/b/-/merge_requests/5'
    const parsed = command(`release check <${url}|a/b!5> 19.1`)
    assert.equal(parsed.kind === 'release_check' && parsed.mergeRequest.url, url)
    const { changeIssue } = setting(`feature set ${FLAG} true --change-issue=<https://x.example/1?a=1&amp;b=2>`)
    assert.equal(changeIssue, 'https://x.example/1?a=1&b=2')
    const { parameters } = setting(
      `feature set ${FLAG} true --oauth-application=<http://client.example|client.example>`,
    )
    assert.equal(parameters['oauth_application'], 'client.example')
  })

  test('an apostrophe inside a word is a character; an unclosed quote is an error', () => {
    assert.equal(setting(`feature set ${FLAG} true --reason=it's`).reason, "it's")
    assert.match(fault(`feature set ${FLAG} true --reason="half`), /" is opened and never closed/)
  })

  test('a quoted word is never an option', () => {
    assert.match(fault(`feature set ${FLAG} true "--dev"`), /specify one flag and one value, not/)
  })
})

test('help exists for all commands together and for each command', () => {
  for (const text of ['', 'help', '--help', '/chatops gitlab run --help', 'feature --help']) {
    assert.deepEqual(command(text), { kind: 'help', topic: undefined }, text)
  }
  assert.deepEqual(command('feature set --help'), { kind: 'help', topic: 'feature set' })
  assert.deepEqual(command(`release check x -h`), { kind: 'help', topic: 'release check' })
})

test('no text makes the parser throw, and without a target or a percentage only true and false apply to all', () => {
  const piece = fc.constantFrom(
    ...['feature', 'set', FLAG, 'true', 'false', '50', '--actors', '--actors=Authn::OauthApplication:1', '--dev'],
    ...['--oauth-application=3', '"', '`', '--production', '--random', '—pre', '100', ' ', 'opt_out'],
  )
  const text = fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 9 }).map((words) => words.join(' '))
  fc.assert(
    fc.property(text, (typed) => {
      const parsed = parseCommand(typed, GRAMMAR)
      if (!('command' in parsed) || parsed.command.kind !== 'feature_set') return
      const { parameters } = parsed.command
      const isForAll = !('oauth_application' in parameters || 'feature_group' in parameters || 'key' in parameters)
      if (isForAll) assert.ok(!typed.includes('--actors') && !typed.includes('--oauth-application'), typed)
    }),
    { numRuns: 2_000 },
  )
})
