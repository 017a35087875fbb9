import type { Log } from '../../observability/index.ts'
import { planChange, type RoutingMap } from './routing-map.ts'
import { type RuntimeApi, RuntimeApiError } from './runtime-api.ts'

/** What a keeper works with. */
export interface MapKeeperOptions {
  /** The name of the map: the path of its file. */
  readonly map: string
  readonly api: RuntimeApi
  /** Writes a map to its file and starts a new HAProxy with it: the last resort. */
  readonly reload: (map: RoutingMap) => Promise<void>
  readonly log: Log
}

/** The text of one command must fit into a buffer of HAProxy with room to spare. */
const MOST_COMMAND_CHARS = 12_000
/** Commands for single entries that are sent at once. */
const ABREAST = 8

/**
 * Brings the map that HAProxy holds up to date. A change of single entries sets them one by one; anything else becomes a
 * new version that is committed as a whole once it is complete. After a failure HAProxy's map is unknown: a new version
 * replaces it, and if that fails too, a new HAProxy starts with the map from its file.
 */
export class MapKeeper {
  readonly #options: MapKeeperOptions
  #held: RoutingMap | undefined

  constructor(options: MapKeeperOptions) {
    this.#options = options
  }

  /** What HAProxy holds; undefined while that is not known. */
  get held(): RoutingMap | undefined {
    return this.#held
  }

  /** Tells the keeper that HAProxy has just started with this map. */
  started(map: RoutingMap | undefined): void {
    this.#held = map
  }

  /** Resolves when HAProxy routes by `wanted`; rejects if not even a new HAProxy does. */
  async bring(wanted: RoutingMap): Promise<void> {
    const { log } = this.#options
    try {
      await this.#change(wanted)
    } catch (error) {
      if (!(error instanceof RuntimeApiError)) throw error
      log.warn({ cause: error.message }, 'the runtime API failed; sending the whole map')
      await this.#replaceOrReload(wanted)
    }
    this.#held = wanted
  }

  async #change(wanted: RoutingMap): Promise<void> {
    const { map, api } = this.#options
    const held = this.#held
    const change = held === undefined ? ({ kind: 'replace' } as const) : planChange(held, wanted)
    if (change.kind === 'none') return
    this.#held = undefined
    if (change.kind === 'replace') return this.#replace(wanted)
    const commands = [
      ...change.added.map(([key, value]) => `add map ${map} ${key} ${value}`),
      ...change.set.map(([key, value]) => `set map ${map} ${key} ${value}`),
      ...change.removed.map((key) => `del map ${map} ${key}`),
    ]
    for (let at = 0; at < commands.length; at += ABREAST) {
      await Promise.all(commands.slice(at, at + ABREAST).map((command) => api.tell(command)))
    }
  }

  async #replaceOrReload(wanted: RoutingMap): Promise<void> {
    const { log, reload } = this.#options
    try {
      await this.#replace(wanted)
    } catch (error) {
      if (!(error instanceof RuntimeApiError)) throw error
      log.error({ cause: error.message }, 'the runtime API cannot be used; restarting HAProxy')
      await reload(wanted)
    }
  }

  /** Sends a complete version, checks its size, and makes it the current one. */
  async #replace(wanted: RoutingMap): Promise<void> {
    const { map, api } = this.#options
    const version = /New version created: (\d+)/.exec(await api.ask(`prepare map ${map}`))?.[1]
    if (version === undefined) throw new RuntimeApiError('the runtime API has no versions of maps')
    let entries = ''
    const send = async () => {
      if (entries !== '') await api.tell(`add map @${version} ${map} <<\n${entries}`)
      entries = ''
    }
    for (const [key, value] of wanted) {
      entries += `${key} ${value}\n`
      if (entries.length > MOST_COMMAND_CHARS) await send()
    }
    await send()
    const shown = await api.ask(`show map @${version} ${map}`)
    const count = shown.split('\n').filter((line) => line !== '').length
    if (count !== wanted.size) {
      throw new RuntimeApiError(`the runtime API holds ${count} of ${wanted.size} entries`)
    }
    await api.tell(`commit map @${version} ${map}`)
  }
}
