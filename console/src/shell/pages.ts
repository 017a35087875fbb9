/** The pages of the navigation, in its order; `g` and then the key leads to one. */
export const PAGES = [
  { path: '/', words: 'Overview', key: 'o' },
  { path: '/applications', words: 'Applications', key: 'a' },
  { path: '/rollouts', words: 'Rollouts', key: 'r' },
  { path: '/flags', words: 'Flags', key: 'f' },
  { path: '/explain', words: 'Explain', key: 'e' },
  { path: '/activity', words: 'Activity', key: 'c' },
  { path: '/gateways', words: 'Gateways', key: 'w' },
  { path: '/settings', words: 'Settings', key: 's' },
  { path: '/readiness', words: 'Readiness', key: 'y' },
  { path: '/parity', words: 'Parity', key: 'p' },
  { path: '/end-game', words: 'End game', key: 'd' },
] as const
