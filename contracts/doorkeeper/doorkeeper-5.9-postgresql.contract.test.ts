import { contractSuite } from './contract-suite.ts'

contractSuite('5.9', 'postgresql')
