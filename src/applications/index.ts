export { ACTOR_TYPE, actorOf, type Application, applicationSchema } from './application.ts'
