/** The builder with all supported operators: `g.add(a, b)`, `g.conv(x, weight)`, … */
import { Builder } from './builder.ts'
import { operators } from './ops/index.ts'

/** Stateless: every call makes a new value. */
export const g: Builder = new Builder(operators)
