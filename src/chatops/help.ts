import { ENVIRONMENTS } from '../flags/index.ts'
import { RUN_ORDER, type Topic } from './command.ts'

const ENVIRONMENT_HELP = [
  `${ENVIRONMENTS.map((name) => `--${name}`).join(' ')}`,
  `  Which environments; none means production. They are gone through in the order ${RUN_ORDER.join(', ')}.`,
]
const CHANGE_HELP = [
  '--dry-run',
  '  Show which applications would move, and whether a rule stands against it; change nothing.',
  '--confirm, --confirm=<number>',
  '  Make the change although it moves applications that the command does not name; with a number, only if so many move.',
  '--reason <text>, --change-issue <url>',
  '  Why; kept with the change.',
  '--ignore-production-check, --ignore-feature-flag-consistency-check',
  '  Pass over the check. That you did is kept with the change.',
]

const HELP: Readonly<Record<Topic, readonly string[]>> = {
  'feature get': ['feature get <flag>', '  How a flag stands.', ...ENVIRONMENT_HELP],
  'feature set': [
    'feature set <flag> true|false',
    '  Switch the flag for all; on production mind the steps.',
    'feature set <flag> true|false --oauth-application=<id|client_id>[,…]',
    'feature set <flag> true|false --actors=Authn::OauthApplication:<id>[,…]',
    '  Switch it for these applications alone. After false none of them is on: one that another gate covers is opted out.',
    'feature set <flag> <percentage> --actors',
    '  Switch it on for a share of all applications: 0 to 100, at most three decimals.',
    'feature set <flag> opt_out|remove_opt_out --oauth-application=<id|client_id>',
    '  Keep applications out whatever else is set, or end that.',
    'feature set <flag> true|false --feature-group=<name>',
    '  Switch it for a feature group.',
    '--ignore-jump-limit',
    '  Raise a percentage faster than the settings allow. That you did is kept with the change.',
    ...CHANGE_HELP,
    ...ENVIRONMENT_HELP,
  ],
  'feature list': [
    'feature list [--match <text>]',
    '  The flags that are defined or set, and how they stand.',
    ...ENVIRONMENT_HELP,
  ],
  'feature delete': [
    'feature delete <flag>',
    '  Forget what was set, so that the default applies. Needs --confirm where that moves an application.',
    ...CHANGE_HELP,
    ...ENVIRONMENT_HELP,
  ],
  'feature approve': [
    'feature approve <number>',
    '  Carry out what another person proposed; nobody approves a proposal of their own.',
  ],
  'feature proposals': ['feature proposals', '  The proposals that wait for a second person.'],
  'auto_deploy status': [
    'auto_deploy status [<sha>…]',
    '  Which version of each part runs in each environment, and which of them contain the commits.',
  ],
  'release check': [
    'release check <merge-request-url> [<version>]',
    '  Whether a merge request is released in that version, or will be.',
  ],
}

/** The help text of one command, or of all, line by line. */
export function helpLines(topic: Topic | undefined): readonly string[] {
  if (topic !== undefined) return HELP[topic]
  const firsts = Object.values(HELP).map((lines) => lines[0] ?? '')
  return ['The commands; --help behind one says more:', ...firsts.map((line) => `  ${line}`)]
}
