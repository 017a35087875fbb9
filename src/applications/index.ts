export { ACTOR_TYPE, type Application, actorOf, applicationSchema } from './application.ts'
