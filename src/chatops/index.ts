export {
  type ChangeTerms,
  type Command,
  type FeatureDelete,
  type FeatureSet,
  type MergeRequestAddress,
  type Override,
  type Parsed,
  RUN_ORDER,
  type Topic,
} from './command.ts'
export { helpLines } from './help.ts'
export { type Grammar, parseCommand } from './parse.ts'
