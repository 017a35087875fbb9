import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { releaseVerdict } from './release.ts'
import { isResponseUrl } from './response-url.ts'
import { type ChatAnswer, outcomeOf, type Section, type Tone } from './result.ts'
import { escapeForSlack, slackMessage } from './slack-message.ts'
import { slackSignatureFault } from './slack-signature.ts'
import { terminalLines } from './terminal.ts'

const section = (tone: Tone, lines: readonly string[] = []): Section => ({ heading: `x: ${tone}`, tone, lines })
const answer = (sections: readonly Section[]): ChatAnswer => ({
  ...{ command: 'feature get x', outcome: outcomeOf(sections), sections, correlationId: 'abc' },
})

test('the outcome of a response combines its parts', () => {
  const of = (...tones: Tone[]) => outcomeOf(tones.map((tone) => section(tone)))
  assert.equal(of('done', 'done'), 'done')
  assert.equal(of('done', 'refused', 'not_done'), 'partial')
  assert.equal(of('refused', 'not_done'), 'refused')
  assert.equal(of('info'), 'info')
  assert.equal(of('waiting'), 'waiting')
  assert.equal(of('done', 'waiting'), 'waiting')
  assert.equal(of('waiting', 'refused'), 'partial')
})

describe('a message to Slack', () => {
  test('shows user input as text, not as a mention, a link or markup', () => {
    assert.equal(escapeForSlack('<!channel> & <@U1>'), '&lt;!channel&gt; &amp; &lt;@U1&gt;')
    const evil = { ...answer([section('done', ['<!here> *x*'])]), command: 'feature `get` <!channel>' }
    const text = JSON.stringify(slackMessage(evil, '<@U1>'))
    assert.doesNotMatch(text, /<[!@]/)
  })

  test('shows one line per line of the response, whatever the name of an application contains', () => {
    const { blocks } = slackMessage(answer([section('done', ['moved: 3 "Pay\n> all\u2028is\u202e well"'])]), 'alice')
    const block = blocks[1]?.['text'] as { text: string } | undefined
    assert.equal(block?.text, ':white_check_mark: *x: done*\nmoved: 3 "Pay &gt; all is  well"')
  })

  test('stays within the limits of Slack and reports what it left out', () => {
    const long = answer(Array.from({ length: 60 }, () => section('info', Array(500).fill('a & b'.repeat(20)))))
    const { blocks, text } = slackMessage(long, 'alice')
    assert.ok(blocks.length <= 50)
    assert.ok(text.length <= 300)
    for (const block of blocks) {
      const words = (block['text'] as { text: string } | undefined)?.text ?? ''
      assert.ok(words.length <= 3_000, String(words.length))
      assert.doesNotMatch(words, /&(?!amp;|lt;|gt;)/)
    }
    assert.match(JSON.stringify(blocks), /more lines/)
    assert.match(JSON.stringify(blocks), /and 13 more/)
  })
})

test('no control character reaches a terminal', () => {
  const lines = terminalLines(answer([section('done', ['a\u001b[2Jb\u0007c'])]))
  assert.deepEqual(lines, ['+ x: done', '    a [2Jb c', 'correlation id abc'])
})

describe("Slack's signature", () => {
  // The example of Slack's own page "Verifying requests from Slack".
  const secret = '8f742231b10e8888abcd99yyyzzz85a5'
  const timestamp = '1531420618'
  const body = Buffer.from(
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
  )
  const signature = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503'
  const now = Number(timestamp)

  test('of the documented example is valid', () => {
    assert.equal(slackSignatureFault(secret, { timestamp, signature }, body, now), undefined)
    assert.equal(slackSignatureFault(secret, { timestamp, signature }, body, now + 300), undefined)
  })

  test('is invalid for anything else', () => {
    const fault = (changes: object, at = now, bytes: Uint8Array = body, key = secret) =>
      slackSignatureFault(key, { timestamp, signature, ...changes }, bytes, at)
    assert.equal(fault({ timestamp: undefined }), 'missing')
    assert.equal(fault({ signature: undefined }), 'missing')
    assert.equal(fault({ signature: signature.slice(0, -1) }), 'malformed')
    assert.equal(fault({ signature: signature.replace('v0', 'v1') }), 'malformed')
    assert.equal(fault({ timestamp: '1531420619' }), 'wrong')
    assert.equal(fault({ timestamp: '0x5b47a0ca' }), 'malformed')
    assert.equal(fault({}, now, Buffer.concat([body, Buffer.from('&x')])), 'wrong')
    assert.equal(fault({}, now, body, 'another'), 'wrong')
    assert.equal(fault({}, now + 301), 'stale')
    assert.equal(fault({}, now - 301), 'stale')
    const unsigned = `v0=${createHmac('sha256', '').update(`v0:${timestamp}:`).update(body).digest('hex')}`
    assert.equal(fault({ signature: unsigned }), 'wrong')
  })
})

test('responses go only to Slack or to configured hosts', () => {
  const allowed = ['slack.proxy.example', '127.0.0.1:4555', 'plain.example']
  for (const url of [
    'https://hooks.slack.com/commands/1/2',
    'https://slack.proxy.example/x',
    'http://127.0.0.1:4555/x',
  ]) {
    assert.ok(isResponseUrl(url, allowed), url)
  }
  for (const url of [
    'http://hooks.slack.com/commands/1',
    'https://hooks.slack.com:8443/x',
    'https://hooks.slack.com.evil.example/x',
    'https://evil.example/hooks.slack.com',
    'https://hooks.slack.com@evil.example/',
    'https://user:pw@hooks.slack.com/',
    'http://127.0.0.1:8080/x',
    'http://127.0.0.1/x',
    'http://plain.example/x',
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    '',
  ]) {
    assert.ok(!isResponseUrl(url, allowed), url)
  }
})

test('a release is judged by tag, then stable branch, then production', () => {
  const judge = (version: string | undefined, facts: Partial<Parameters<typeof releaseVerdict>[1]>) =>
    releaseVerdict(version, { tags: [], branches: [], isOnProduction: false, ...facts }).kind
  assert.equal(judge('19.1', { tags: ['v19.1.0-ee', 'v19.10.0'] }), 'released')
  assert.equal(judge('19.1', { tags: ['v19.10.0', 'v19.1.0-rc42'] }), 'not_yet')
  assert.equal(judge('19.1.1', { tags: ['v19.1.0'] }), 'not_yet')
  assert.equal(judge('19.1', { branches: ['origin/19-1-stable-ee'] }), 'in_stable_branch')
  assert.equal(judge('19.1', { branches: ['19-10-stable', 'master'], isOnProduction: true }), 'on_production')
  assert.equal(judge('19.1', { isOnProduction: undefined }), 'unknown')
  const { says } = releaseVerdict(undefined, { tags: ['v19.10.0', 'v19.2.1'], branches: [], isOnProduction: true })
  assert.match(says, /released in v19.2.1/)
})
