export { bucketOf, isWithin } from './bucket.ts'
export {
  applyChange,
  type ChangeResult,
  type ChangeRules,
  type FlagChange,
  type FlagTarget,
  type OptOutChange,
} from './change.ts'
export {
  type ApplicationGates,
  applicationIdOf,
  compileFlag,
  compileGates,
  type FlagEvaluator,
  type RoutingGates,
} from './compile.ts'
export { type FeatureGroup, FLAG_NAME, FLAG_TYPES, type FlagDefinition, type FlagType } from './definition.ts'
export { DEFAULT_ENVIRONMENT, ENVIRONMENT_RULE, ENVIRONMENTS, type Environment, isEnvironment } from './environments.ts'
export { type Evaluation, type EvaluationContext, type EvaluationReason, evaluateFlag } from './evaluate.ts'
export { conditionOf, type FlagCondition, type FlagState, OFF, ON, sameState } from './gates.ts'
export { type FlagLife, lifeOf } from './life.ts'
export { PERCENTAGE_RULE, parsePercentage } from './percentage.ts'
export { type DefinitionFile, type Definitions, readDefinitions } from './read-definitions.ts'
export { suggestName } from './suggest.ts'
export { type WrittenDefinition, writeDefinition } from './write-definition.ts'
