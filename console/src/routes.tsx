import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from '@tanstack/react-router'
import { readActivitySearch } from './activity/activity-search.ts'
import { consolePath } from './api/address.ts'
import { type EnvironmentSearch, readEnvironment } from './api/selected-environment.ts'
import { readListSearch } from './applications/list-search.ts'
import { readExplainSearch } from './explain/explain-search.ts'
import { readFlagSearch } from './flag/flag-search.ts'
import { readOverviewSearch } from './overview/overview-search.ts'
import { readPlanSearch } from './plan-editor/plan-search.ts'
import { readRolloutSearch } from './rollout/rollout-search.ts'
import { readRolloutsSearch } from './rollouts/rollouts-search.ts'
import { parseSearch, stringifySearch } from './search.ts'
import { PageFailure, PageMissing } from './shell/page-failure.tsx'
import { Shell } from './shell/shell.tsx'

const root = createRootRoute({
  component: Shell,
  notFoundComponent: PageMissing,
  validateSearch: readEnvironment,
  search: { middlewares: [retainSearchParams<EnvironmentSearch>(['environment'])] },
})

const pages = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    validateSearch: readOverviewSearch,
    component: lazyRouteComponent(() => import('./overview/overview-page.tsx'), 'OverviewPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/applications',
    validateSearch: readListSearch,
    component: lazyRouteComponent(() => import('./applications/applications-page.tsx'), 'ApplicationsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/applications/$id',
    component: lazyRouteComponent(() => import('./application/application-page.tsx'), 'ApplicationPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/rollouts',
    validateSearch: readRolloutsSearch,
    component: lazyRouteComponent(() => import('./rollouts/rollouts-page.tsx'), 'RolloutsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/rollouts/new',
    validateSearch: readPlanSearch,
    component: lazyRouteComponent(() => import('./plan-editor/plan-editor-page.tsx'), 'PlanEditorPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/rollouts/$id',
    validateSearch: readRolloutSearch,
    component: lazyRouteComponent(() => import('./rollout/rollout-page.tsx'), 'RolloutPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/flags',
    component: lazyRouteComponent(() => import('./flags/flags-page.tsx'), 'FlagsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/flags/$name',
    validateSearch: readFlagSearch,
    component: lazyRouteComponent(() => import('./flag/flag-page.tsx'), 'FlagPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/explain',
    validateSearch: readExplainSearch,
    component: lazyRouteComponent(() => import('./explain/explain-page.tsx'), 'ExplainPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/activity',
    validateSearch: readActivitySearch,
    component: lazyRouteComponent(() => import('./activity/activity-page.tsx'), 'ActivityPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/gateways',
    component: lazyRouteComponent(() => import('./gateways/gateways-page.tsx'), 'GatewaysPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/settings',
    component: lazyRouteComponent(() => import('./settings/settings-page.tsx'), 'SettingsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/readiness',
    component: lazyRouteComponent(() => import('./readiness/readiness-page.tsx'), 'ReadinessPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/parity',
    component: lazyRouteComponent(() => import('./parity/parity-page.tsx'), 'ParityPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/end-game',
    component: lazyRouteComponent(() => import('./end-game/end-game-page.tsx'), 'EndGamePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/parts',
    component: lazyRouteComponent(() => import('./parts-page/parts-page.tsx'), 'PartsPage'),
  }),
]

/** The router of the console: each page is loaded when it is first opened. */
export function createConsoleRouter() {
  return createRouter({
    routeTree: root.addChildren(pages),
    ...{ basepath: consolePath(), parseSearch, stringifySearch },
    ...{ defaultPreload: 'intent', defaultErrorComponent: PageFailure, scrollRestoration: true },
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>
  }
}
