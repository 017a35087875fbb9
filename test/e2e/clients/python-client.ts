import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startProgram } from '../../support/program.ts'
import { WAIT_LIMIT_MS } from '../../support/wait.ts'
import {
  type Authentication,
  type Client,
  type Library,
  memberOf,
  metadata,
  pollAsDevice,
  SCOPE,
  type Tokens,
} from './client.ts'

/** Debian's own interpreter, for which its python3-… packages are installed. */
const PYTHON = '/usr/bin/python3'

interface Script {
  readonly name: string
  /** Next to this file. */
  readonly file: string
  /** The module it imports; the library is missing when that import fails. */
  readonly module: string
  readonly authentications: readonly Authentication[]
  /** The client methods that the script supports. */
  readonly can: readonly Exclude<keyof Client, 'code' | 'alwaysWithPkce' | 'ignoresRefusals' | 'errorCode' | 'close'>[]
}

/**
 * A Python library, driven through a long-running script: one JSON request per line on its standard input, and one JSON
 * answer per line, `{"id", "ok"}` or `{"id", "error", "message"}` with the OAuth error code of the library's exception.
 */
export function pythonLibrary(script: Script): Library {
  return {
    name: script.name,
    authentications: script.authentications,
    missing() {
      if (!existsSync(PYTHON)) return 'python3 is not installed'
      const tried = spawnSync(PYTHON, ['-c', `import ${script.module}`], { timeout: WAIT_LIMIT_MS })
      return tried.status === 0 ? undefined : `python3 has no module ${script.module}`
    },
    async connect(registration) {
      const program = await startProgram({
        command: PYTHON,
        args: [join(import.meta.dirname, script.file)],
        env: {
          HANDOVER_CLIENT: JSON.stringify({ ...registration, ...metadata(registration.issuer), scope: SCOPE }),
          AUTHLIB_INSECURE_TRANSPORT: '1',
          OAUTHLIB_INSECURE_TRANSPORT: '1',
          PYTHONDONTWRITEBYTECODE: '1',
        },
        hasInput: true,
      })
      let last = 0
      const ask = async (op: string, given: object = {}): Promise<unknown> => {
        const id = ++last
        program.send(JSON.stringify({ id, op, ...given }))
        const answer = await program.stdout
          .waitForEntry((entry) => entry['id'] === id, WAIT_LIMIT_MS)
          .catch((cause) => {
            throw new Error(`${script.name} did not answer ${op}:\n${program.stderr.text().slice(-2_000)}`, { cause })
          })
        if ('ok' in answer) return answer['ok']
        throw Object.assign(new Error(`${script.name}, ${op}: ${String(answer['message'])}`), { code: answer['error'] })
      }
      const all = clientOf(ask, registration.redirectUri)
      const can = Object.fromEntries(script.can.map((method) => [method, all[method]])) as Omit<Partial<Client>, 'code'>
      return {
        ...can,
        code: all.code,
        errorCode: codeOf,
        async close() {
          await program.stop()
        },
      }
    },
  }
}

function codeOf(error: unknown): string | undefined {
  return memberOf(error, 'code')
}

function clientOf(ask: (op: string, given?: object) => Promise<unknown>, redirectUri: string) {
  const askTokens = async (op: string, given: object = {}): Promise<Tokens> => {
    const { access, refresh, members, subject } = (await ask(op, given)) as Record<keyof Tokens, unknown>
    return {
      access: String(access),
      refresh: typeof refresh === 'string' ? refresh : undefined,
      members: members as readonly string[],
      subject: typeof subject === 'string' ? subject : undefined,
    }
  }
  return {
    async code(visit, { pkce }) {
      const started = (await ask('authorize', { pkce })) as { flow: number; url: string }
      const callback = await visit(started.url, redirectUri)
      return askTokens('redeem', { flow: started.flow, callback: callback.href })
    },
    refresh: (tokens) => askTokens('refresh', { refresh: tokens.refresh }),
    clientCredentials: () => askTokens('client_credentials'),
    password: (username, password) => askTokens('password', { username, password }),
    async device(approve) {
      const started = (await ask('device')) as { device_code: string; user_code: string }
      const poll = () => askTokens('poll', { device_code: started.device_code })
      return pollAsDevice(poll, codeOf, () => approve(started.user_code))
    },
    userinfo: async (tokens) => (await ask('userinfo', { access: tokens.access })) as Record<string, unknown>,
    introspect: async (token) => Boolean(await ask('introspect', { token })),
    async revoke(tokens) {
      await ask('revoke', { token: tokens.access })
    },
  } satisfies Omit<Client, 'errorCode'>
}
