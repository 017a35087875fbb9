import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { findProgram } from '../../../scripts/test-parts.ts'
import { startProgram } from '../../support/program.ts'
import { scratchDirectory } from '../../support/scratch.ts'
import { eventually, WAIT_LIMIT_MS } from '../../support/wait.ts'
import { type Client, type Library, memberOf, metadata, type Registration } from './client.ts'

/** Git itself, requesting a password, with git-credential-oauth as its helper: a native application on loopback. */
export const gitCredentialOauth: Library = {
  name: 'git-credential-oauth',
  authentications: ['client_secret_basic', 'none'],
  missing() {
    const absent = ['git', 'git-credential-oauth'].filter((name) => findProgram(name) === undefined)
    return absent.length === 0 ? undefined : `${absent.join(' and ')} not installed`
  },
  connect: async (registration) => connect(registration),
}

function connect(registration: Registration): Client {
  const scratch = scratchDirectory('git')
  writeConfiguration(scratch.path, registration)
  let runs = 0
  return {
    alwaysWithPkce: true,
    ignoresRefusals: true,
    async code(visit) {
      const asked = join(scratch.path, `asked-${++runs}`)
      const program = await startProgram({
        command: 'sh',
        args: ['-c', 'printf "url=%s\\n\\n" "$1" | git credential fill', 'sh', registration.issuer],
        cwd: scratch.path,
        env: {
          HOME: scratch.path,
          XDG_CONFIG_HOME: scratch.path,
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_TERMINAL_PROMPT: '0',
          GIT_ASKPASS: '',
          SSH_ASKPASS: '',
          BROWSER: '',
          ASKED: asked,
          PATH: `${join(scratch.path, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
        },
      })
      const limit = setTimeout(() => void program.stop(0), WAIT_LIMIT_MS)
      try {
        const address = new URL(await eventually('the browser is asked', () => readIfThere(asked), WAIT_LIMIT_MS))
        const redirectUri = address.searchParams.get('redirect_uri') ?? ''
        const callback = await visit(address.href, redirectUri)
        const shown = await fetch(callback, { signal: AbortSignal.timeout(WAIT_LIMIT_MS) }).catch(() => undefined)
        await shown?.text()
        const { code } = await program.ended
        const said = program.stderr.text()
        const password = /^password=(.+)$/m.exec(program.stdout.text())?.[1]
        if (code === 0 && password !== undefined) {
          return { access: password, refresh: undefined, members: [], subject: undefined }
        }
        throw Object.assign(new Error(`git got no password: ${said}`), { code: /"error": ?"(\w+)"/.exec(said)?.[1] })
      } finally {
        clearTimeout(limit)
        await program.stop(0)
      }
    },
    errorCode: (error) => memberOf(error, 'code'),
    close: async () => scratch.remove(),
  }
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() || undefined : undefined
}

/** The user's Git configuration, and a command in place of a browser that reports the address it received. */
function writeConfiguration(home: string, { issuer, clientId, secret, authentication }: Registration): void {
  const { authorization_endpoint, token_endpoint } = metadata(issuer)
  const lines = [
    '[credential]',
    '  helper =',
    '  helper = oauth',
    `[credential "${issuer}"]`,
    `  oauthClientId = ${clientId}`,
    ...(authentication === 'none' ? [] : [`  oauthClientSecret = ${secret}`]),
    '  oauthScopes = read_user openid profile email',
    // Paths: this version prepends the host to any value here.
    `  oauthAuthURL = ${new URL(authorization_endpoint).pathname}`,
    `  oauthTokenURL = ${new URL(token_endpoint).pathname}`,
  ]
  writeFileSync(join(home, '.gitconfig'), `${lines.join('\n')}\n`)
  mkdirSync(join(home, 'bin'))
  for (const name of ['xdg-open', 'x-www-browser', 'www-browser']) {
    const path = join(home, 'bin', name)
    writeFileSync(path, '#!/bin/sh\nprintf "%s\\n" "$1" >"$ASKED.new" && mv "$ASKED.new" "$ASKED"\n')
    chmodSync(path, 0o755)
  }
}
