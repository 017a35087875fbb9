import type { GatewaySettings } from '../gateway/index.ts'

/** The settings of a data plane: those of the gateway behind it, and what HAProxy needs. */
export interface DataPlaneSettings {
  /** `listen` is HAProxy's address; `adminListen` is that of the gateway behind it. */
  readonly gateway: GatewaySettings
  /** The program to start; looked up in the PATH unless it has a slash. */
  readonly program: string
  /**
   * The private directory of the configuration, the maps and the runtime API's socket. A data plane that starts with the
   * directory of another one replaces it without a lost connection.
   */
  readonly directory: string
  /** Further options of HAProxy's `bind` line, such as `ssl crt FILE alpn h2,http/1.1` or `accept-proxy`. */
  readonly bindOptions: string
  /** Number of HAProxy's threads; undefined lets HAProxy use all cores. */
  readonly threads: number | undefined
  /** Whether HAProxy writes its decision lines to this process's standard output. Default true. */
  readonly writesLines?: boolean
}

/** The file of the configuration in the data plane's directory. */
export const CONFIGURATION_FILE = 'haproxy.cfg'
/** The file of the routing map in the data plane's directory. */
export const MAP_FILE = 'applications.map'
/** The socket of the runtime API in the data plane's directory. */
export const SOCKET_FILE = 'haproxy.sock'
/** The table in which HAProxy counts the requests that it decided; a key is `endpoint|destination|reason|status`. */
export const COUNTS_TABLE = 'decisions'
