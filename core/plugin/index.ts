/** The contract alone, for plugin packages that want the types and constructors and nothing else: `robench/plugin`. */
export { apiVersion } from './contract.ts'
export type * from './contract.ts'
export { defineAttack, defineDefense, defineNetwork } from './define.ts'
export type { OptionsOf } from './define.ts'
