export { DEMO_APPLICATIONS, DEMO_SCOPE, type DemoApplication } from './application.ts'
export { type DemoSettings, startDemo } from './server.ts'
