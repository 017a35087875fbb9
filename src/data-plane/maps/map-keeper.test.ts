import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { silentLog } from '../../observability/index.ts'
import { snapshotOf } from '../testing/plane-bed.ts'
import { MapKeeper } from './map-keeper.ts'
import { type RoutingMap, routingMap } from './routing-map.ts'
import { RuntimeApi } from './runtime-api.ts'

const MAP = '/run/applications.map'
const FIRST = routingMap(snapshotOf({ version: 1 }), false)
const FLIPPED = routingMap(snapshotOf({ version: 2, actors: [1, 2, 3] }), false)

/** Runs a keeper against a server that answers each command with `answer`; undefined leaves it without an answer. */
async function keeping(
  answer: (command: string, socket: Socket) => string | undefined,
  run: (keeper: MapKeeper, seen: { commands: string[]; reloads: RoutingMap[] }) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'keeper-'))
  const path = join(directory, 'api.sock')
  const seen = { commands: [] as string[], reloads: [] as RoutingMap[] }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.once('data', (chunk: Buffer) => {
      const command = chunk.toString()
      seen.commands.push(command.trim())
      const text = answer(command, socket)
      if (text !== undefined) socket.end(text)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  try {
    const reload = (map: RoutingMap) => Promise.resolve(void seen.reloads.push(map))
    const keeper = new MapKeeper({ map: MAP, api: new RuntimeApi(path, 200), reload, log: silentLog })
    keeper.started(FIRST)
    await run(keeper, seen)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
    await rm(directory, { recursive: true, force: true })
  }
}

describe('the keeper of the routing map', () => {
  test('sets a single flip by one command for its entry and one for the version', async () => {
    await keeping(
      () => '\n',
      async (keeper, { commands, reloads }) => {
        await keeper.bring(FLIPPED)
        assert.deepEqual(commands.sort(), [`set map ${MAP} * 1:off:legacy:2`, `set map ${MAP} staying 2:0:1`])
        assert.deepEqual([reloads.length, keeper.held], [0, FLIPPED])
        await keeper.bring(FLIPPED)
        assert.equal(commands.length, 2)
      },
    )
  })

  for (const [what, answer] of [
    ['does not answer', () => undefined],
    ['breaks off its answer', (_: string, socket: Socket) => void socket.end('')],
    ['answers half', (command: string) => (command.startsWith('prepare') ? 'New version created' : 'half')],
    [
      'speaks another version',
      () => "Unknown command: 'set map', but maybe one of the following ones is a better match:\n",
    ],
  ] as const) {
    test(`starts a new HAProxy if the runtime API ${what}`, async () => {
      await keeping(answer, async (keeper, { reloads }) => {
        await keeper.bring(FLIPPED)
        assert.deepEqual(reloads, [FLIPPED])
      })
    })
  }

  test('sends a complete new version after a failed command, and commits it only if it is complete', async () => {
    let count = 0
    const entries = [...FLIPPED].map(([key, value]) => `0x1 ${key} ${value}\n`)
    const answer = (command: string) => {
      if (command.startsWith('set map')) return 'entry not found.\n'
      if (command.startsWith('prepare')) return 'New version created: 3\n\n'
      if (command.startsWith('show map @3')) return `${entries.slice(0, count++ === 0 ? -1 : undefined).join('')}\n`
      return '\n'
    }
    await keeping(answer, async (keeper, { commands, reloads }) => {
      await keeper.bring(FLIPPED)
      assert.equal(
        commands.some((command) => command.startsWith('commit')),
        false,
      )
      assert.deepEqual(reloads, [FLIPPED])
      keeper.started(FIRST)
      await keeper.bring(FLIPPED)
      assert.equal(commands.at(-1), `commit map @3 ${MAP}`)
      assert.equal(reloads.length, 1)
    })
  })
})
