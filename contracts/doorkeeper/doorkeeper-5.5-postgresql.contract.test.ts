import { contractSuite } from './contract-suite.ts'

contractSuite('5.5', 'postgresql')
