export { ACTOR_TYPE, type Application, actorOf, applicationSchema } from './application.ts'
export { type Cohort, cohortOf, cohortOfDocument, cohortTraits, type Registration } from './cohort.ts'
export {
  type ApplicationPolicy,
  applicationPolicySchema,
  POLICY_PRESETS,
  POLICY_RULE_NAMES,
  POLICY_RULES,
  type Policy,
  type PolicyPreset,
  type PolicyRule,
  type PolicyTarget,
  parsePolicyTarget,
  presetPolicy,
} from './policy.ts'
export {
  type DigestColumns,
  type DigestedApplication,
  LARGEST_ID,
  type RangeDigest,
  rangeDigest,
  rangeDigestStatement,
  rangesBetween,
} from './range-digest.ts'
export { applicationInWords, shownName } from './shown-name.ts'
