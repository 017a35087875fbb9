import { readFileSync } from 'node:fs'
import { type OptionHelp, optionsOf, type Section } from '../config/index.ts'

/** The version in package.json. */
export function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** What `handover --help` prints. */
export function overview(commands: ReadonlyArray<readonly [name: string, summary: string]>): string {
  const width = Math.max(...commands.map(([name]) => name.length))
  return `handover ${version()}: moves OAuth applications from one authorization server to another, one at a time.

Usage: handover <command> [options]

${commands.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}

'handover help <command>' shows a command's options. Every server also accepts --config FILE (YAML, one section per
command). Environment variables override the file, and options override both.
`
}

/** What `handover <section> --help` prints: every option with its variable and default, from the configuration schema. */
export function sectionHelp(section: Section, summary: string): string {
  return `Usage: handover ${section} [options]\n\n${summary}\n\n${optionsOf(section).map(optionText).join('\n')}\n
  --config FILE
      Read options from the section "${section}" of this YAML file.
`
}

function optionText(option: OptionHelp): string {
  if (option.isFileOnly) return `  ${option.key}: (configuration file only)\n      ${option.description}`
  const names = option.flags.map((flag) => `${flag}${option.placeholder ? ` ${option.placeholder}` : ''}`).join(', ')
  const fallback = option.fallback === undefined ? '' : ` Default: ${String(option.fallback)}.`
  return `  ${names}\n      ${option.description}${fallback} [${option.variables.join(', ')}]`
}
