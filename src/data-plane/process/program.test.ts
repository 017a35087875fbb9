import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { checkProgram } from './program.ts'

async function check(says: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'program-'))
  const program = join(directory, 'haproxy')
  try {
    await writeFile(program, `#!/bin/sh\ncat <<'END'\n${says}\nEND\n`, { mode: 0o755 })
    return await checkProgram(program).catch((error: Error) => `${error.name}: ${error.message.replace(program, 'it')}`)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const FEATURES = 'Feature list : -PCRE +PCRE2 +PCRE2_JIT +OPENSSL'

describe('the check of HAProxy', () => {
  test('accepts version 2.6 and every newer one', async () => {
    assert.equal(await check(`HAProxy version 2.6.12-1+deb12u4 2026/10/17\n${FEATURES}`), '2.6.12-1+deb12u4')
    assert.equal(await check(`HAProxy version 3.0.1 2024/06/10\n${FEATURES}`), '3.0.1')
    assert.equal(await check(`HAProxy version 2.10-dev 2024\n${FEATURES}`), '2.10-dev')
  })

  test('refuses an older version, another program, and a build without what it needs', async () => {
    assert.match(
      await check(`HAProxy version 2.4.22 2023\n${FEATURES}`),
      /^HaproxyError: it is HAProxy 2\.4\.22; .* 2\.6 or newer$/,
    )
    assert.match(await check('nginx version: nginx/1.22.1'), /it is not HAProxy/)
    assert.match(
      await check('HAProxy version 2.6.12 2026\nFeature list : -PCRE -PCRE2 +OPENSSL'),
      /without regular expressions/,
    )
    assert.match(await check('HAProxy version 2.6.12 2026\nFeature list : +PCRE -OPENSSL'), /without signatures/)
  })

  test('says that HAProxy is missing', async () => {
    await assert.rejects(
      checkProgram('no-such-haproxy'),
      /needs HAProxy 2\.6 or newer as no-such-haproxy: it is not installed/,
    )
  })
})
