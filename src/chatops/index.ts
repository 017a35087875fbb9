export {
  type ChangeTerms,
  type ChatAction,
  type Command,
  type FeatureDelete,
  type FeatureSet,
  type MergeRequestAddress,
  type Override,
  type RolloutCommand,
  RUN_ORDER,
} from './command.ts'
export { helpLines } from './help.ts'
export { parseCommand } from './parse.ts'
export { releaseVerdict } from './release.ts'
export { isResponseUrl } from './response-url.ts'
export { type ChatAnswer, headingOf, outcomeOf, refusal, type Section, stateInWords, type Tone } from './result.ts'
export { channelRefusal } from './rules/channel.ts'
export { consistencyRefusal } from './rules/consistency.ts'
export {
  type ApplicationFacts,
  isFailing,
  type Obstacle,
  productionObstacles,
  totalsOf,
} from './rules/production-check.ts'
export { isRolloutIncrease } from './rules/rollout-increase.ts'
export { DEFAULT_RULES, type RuleSettings } from './rules/settings.ts'
export { stepLimitRefusal } from './rules/step-limit.ts'
export { escapeForSlack, type SlackMessage, slackMessage, slackSections } from './slack-message.ts'
export { SIGNATURE_WINDOW_S, slackSignatureFault } from './slack-signature.ts'
export { terminalLines, withoutControls } from './terminal.ts'
