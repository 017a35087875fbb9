export { DEMO_APPLICATIONS, type DemoApplication } from './application.ts'
export { type DemoSettings, startDemo } from './server.ts'
