const JUMP_MS = 300_000

/**
 * A module for `--import` that lets a process's wall clock be set from outside: five minutes ahead by SIGIO, five
 * minutes back by SIGWINCH, right again by SIGCONT. Its monotonic clock runs on, as a machine's does.
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

/** What to send to a process that was started with {@link CLOCK_PRELOAD}. */
export const CLOCK_SIGNALS = {
  'five minutes ahead': 'SIGIO',
  'five minutes back': 'SIGWINCH',
  right: 'SIGCONT',
} as const
