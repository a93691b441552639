/** The hooks that `shareHostPackage` registers. Node runs them in a thread of their own. */
import type { InitializeHook, ResolveHook } from 'node:module'

let parent = ''

/** Receives where this package is. */
export const initialize: InitializeHook<{ readonly parent: string }> = (data) => {
  parent = data.parent
}

/** Resolves `robench` and `robench/…` as this package resolves itself. */
export const resolve: ResolveHook = async (specifier, context, next) =>
  /^robench(\/|$)/.test(specifier)
    ? next(specifier, { ...context, parentURL: parent })
    : next(specifier, context)
