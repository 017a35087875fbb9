const JUMP_MS = 300_000

/**
 * A module for `--import` that lets signals set a process's wall clock: five minutes ahead by SIGIO, five minutes back
 * by SIGWINCH, and correct again by SIGCONT. The monotonic clock is unaffected, as on a real machine.
 */
export const CLOCK_PRELOAD = `data:text/javascript,${encodeURIComponent(`
  const Wall = Date
  let offset = 0
  globalThis.Date = class extends Wall {
    constructor(...given) { given.length === 0 ? super(Wall.now() + offset) : super(...given) }
    static now() { return Wall.now() + offset }
  }
  process.on('SIGIO', () => { offset = ${JUMP_MS} })
  process.on('SIGWINCH', () => { offset = -${JUMP_MS} })
  process.on('SIGCONT', () => { offset = 0 })
`)}`

/** The signals for a process started with {@link CLOCK_PRELOAD}. */
export const CLOCK_SIGNALS = {
  'five minutes ahead': 'SIGIO',
  'five minutes back': 'SIGWINCH',
  right: 'SIGCONT',
} as const
