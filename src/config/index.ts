export { ConfigError, type ConfigSources, loadSettings, type OptionHelp, optionsOf } from './load.ts'
export { nearest } from './nearest.ts'
export { type Section, type Settings, sections } from './schema.ts'
export { ensureSecretFile, readKeyFile, readSecretFile } from './secret-file.ts'
