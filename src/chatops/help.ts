import { ENVIRONMENTS } from '../flags/index.ts'
import { RUN_ORDER, type Topic } from './command.ts'

const ENVIRONMENT_HELP = [
  `${ENVIRONMENTS.map((name) => `--${name}`).join(' ')}`,
  `  The environments. Default: production. Changes are applied in the order ${RUN_ORDER.join(', ')}.`,
]
const ROLLOUT_HELP = ['--reason <text>', '  The reason; recorded with the action.']
const CHANGE_HELP = [
  '--dry-run',
  '  Show which applications would move and whether a rule prevents it; change nothing.',
  '--confirm, --confirm=<number>',
  '  Make the change although it moves applications that the command does not name; with a number, only if exactly that many move.',
  '--reason <text>, --change-issue <url>',
  '  The reason; recorded with the change.',
  '--ignore-production-check, --ignore-feature-flag-consistency-check',
  '  Override the check. The override is recorded with the change.',
]

const HELP: Readonly<Record<Topic, readonly string[]>> = {
  'feature get': ['feature get <flag>', '  Show the state of a flag.', ...ENVIRONMENT_HELP],
  'feature set': [
    'feature set <flag> true|false',
    '  Set the flag for all applications. Production has step limits.',
    'feature set <flag> true|false --oauth-application=<id|client_id>[,…]',
    'feature set <flag> true|false --actors=Authn::OauthApplication:<id>[,…]',
    '  Set it for these applications only. After false it is off for all of them: one that another gate covers is opted out.',
    'feature set <flag> <percentage> --actors',
    '  Turn it on for a percentage of all applications: 0 to 100, with at most three decimals.',
    'feature set <flag> opt_out|remove_opt_out --oauth-application=<id|client_id>',
    '  Keep applications out regardless of all other settings, or remove that opt-out.',
    'feature set <flag> true|false --feature-group=<name>',
    '  Set it for a feature group.',
    '--ignore-step-limit',
    '  Raise a percentage faster than the settings allow. The override is recorded with the change.',
    ...CHANGE_HELP,
    ...ENVIRONMENT_HELP,
  ],
  'feature list': [
    'feature list [--match <text>]',
    '  List the flags that are defined or set, with their state.',
    ...ENVIRONMENT_HELP,
  ],
  'feature delete': [
    'feature delete <flag>',
    '  Delete what was set, so that the default applies. Needs --confirm if that moves an application.',
    ...CHANGE_HELP,
    ...ENVIRONMENT_HELP,
  ],
  'feature approve': [
    'feature approve <number>',
    '  Approve and apply the proposal of another person. You cannot approve your own proposal.',
  ],
  'feature proposals': ['feature proposals', '  List the proposals that wait for approval.'],
  'auto_deploy status': [
    'auto_deploy status [<sha>…]',
    '  Show which version of each part runs in each environment, and which versions contain the commits.',
  ],
  'release check': [
    'release check <merge-request-url> [<version>]',
    '  Show whether a merge request is, or will be, released in that version.',
  ],
  'rollout list': [
    'rollout list',
    '  List the rollouts with their state, newest first.',
    `${ENVIRONMENTS.map((name) => `--${name}`).join(' ')}`,
    '  The environments. Default: all.',
  ],
  'rollout show': ['rollout show <number>', '  Show the state of a rollout, what it waits for, and what it excluded.'],
  'rollout pause': ['rollout pause <number>', '  Stop before the next step; nothing moves back.', ...ROLLOUT_HELP],
  'rollout resume': ['rollout resume <number>', '  Continue a paused or held rollout.', ...ROLLOUT_HELP],
  'rollout approve': ['rollout approve <number>', '  Approve the step that waits for it.', ...ROLLOUT_HELP],
  'rollout abort': [
    'rollout abort <number> --reason <text>',
    '  End a rollout; the flag goes back to what it was before.',
    ...ROLLOUT_HELP,
  ],
  'report-problem': [
    'report-problem --oauth-application=<id|client_id> --reason <text>',
    "  Record a customer's report: it holds the application in every rollout of the environment.",
    ...ENVIRONMENT_HELP,
  ],
}

/** The help text of one command, or of all commands, line by line. */
export function helpLines(topic: Topic | undefined): readonly string[] {
  if (topic !== undefined) return HELP[topic]
  const firsts = Object.values(HELP).map((lines) => lines[0] ?? '')
  return ['Commands (add --help to one for details):', ...firsts.map((line) => `  ${line}`)]
}
