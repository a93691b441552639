/** The norms with convex balls: all but L0, which has tests of its own. */
import type { Norm } from '../../core/threat/threat-model.ts'

/** Linf, L2, and L1. */
export const convexNorms = ['Linf', 'L2', 'L1'] as const satisfies readonly Norm[]

/** One of them. */
export type ConvexNorm = (typeof convexNorms)[number]
