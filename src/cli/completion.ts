import { readCommandLine, UsageFault } from './command-line.ts'
import type { CommandIo } from './io.ts'

const HELP = `Usage: handover completion bash|zsh|fish

Prints a script that completes commands and options. To load it in every shell:

  bash   echo 'source <(handover completion bash)' >> ~/.bashrc
  zsh    echo 'source <(handover completion zsh)' >> ~/.zshrc      (after compinit)
  fish   handover completion fish > ~/.config/fish/completions/handover.fish
`

type Commands = ReadonlyArray<readonly [name: string, summary: string]>

const OPTION = '--[a-zA-Z][a-zA-Z-]*'

/** The scripts. Each reads the options from the command's own help, so that they match every version. */
const SCRIPTS: Readonly<Record<string, (commands: Commands) => string>> = {
  bash: (commands) => `_handover() {
  local word=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(([name]) => name).join(' ')}" -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$("\${COMP_WORDS[0]}" "$command" --help 2>/dev/null | grep -oE -- '${OPTION}' | sort -u)" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _handover handover
`,
  zsh: (commands) => `_handover() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${commands.map(([name, summary]) => `      ${singleQuoted(`${name}:${summary}`)}`).join('\n')}
    )
    _describe command commands
  elif [[ $words[CURRENT] == -* ]]; then
    local -a options=(\${(fu)"$($words[1] $words[2] --help 2>/dev/null | grep -oE -- '${OPTION}')"})
    compadd -- $options
  else
    _files
  fi
}
compdef _handover handover
`,
  fish: (commands) => `complete -c handover -n __fish_use_subcommand -f
${commands.map(([name, summary]) => `complete -c handover -n __fish_use_subcommand -a ${name} -d ${singleQuoted(summary, '\\')}`).join('\n')}
complete -c handover -n 'not __fish_use_subcommand' -a "(handover (commandline -opc)[2] --help 2>/dev/null | string match -rag -- '(${OPTION})' | sort -u)"
`,
}

/** Text in single quotes; only in fish does a backslash escape a quote. */
function singleQuoted(text: string, escaping = "'\\'"): string {
  return `'${text.replaceAll("'", `${escaping}'`)}'`
}

/** `handover completion`: prints a completion script for the given commands. */
export async function runCompletion(args: readonly string[], io: CommandIo, commands: Commands): Promise<number> {
  const { words, switches } = readCommandLine(args, { '--help': { takes: 'nothing' }, '-h': { takes: 'nothing' } })
  if (switches.size > 0) {
    io.stdout.write(HELP)
    return 0
  }
  const [shell = '', ...rest] = words
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined
  if (script === undefined || rest.length > 0) throw new UsageFault('name one shell: bash, zsh or fish')
  io.stdout.write(script(commands))
  return 0
}
