/** The pages of the navigation, in its order. */
export const PAGES = [
  { path: '/', words: 'Overview' },
  { path: '/applications', words: 'Applications' },
] as const
