/**
 * A typedoc plugin: names each module as it is imported, describes it by the docstring that opens
 * its file, and warns of exported symbols without a docstring.
 */
import { readFileSync } from 'node:fs'
import { Comment, Converter, ReflectionKind } from 'typedoc'
import { entryPoints } from './typedoc.config.mjs'

/** @param app the running typedoc */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const ends = [`/${module.name}.ts`, `/${module.name}/index.ts`]
      const entry = entryPoints.find(({ source }) => ends.some((end) => source.endsWith(end)))
      if (entry) describe(module, entry)
    }
  })
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      if (!module.comment) app.logger.warn(`${module.name} has no docstring`)
      for (const symbol of module.children ?? []) {
        const isOwn = project.getSymbolIdFromReflection(symbol)?.packageName === 'robench'
        if (isOwn && !isDocumented(symbol))
          app.logger.warn(`${module.name}: ${symbol.name} has no docstring`)
      }
    }
  })
}

function describe(module, { name, source }) {
  module.name = name
  const [, text] = /^\/\*\*(.*?)\*\//s.exec(readFileSync(source, 'utf8')) ?? []
  if (!text) return
  const words = text.replaceAll(/^\s*\* ?/gm, '').trim()
  module.comment = new Comment([{ kind: 'text', text: words }])
}

/** Re-exports are documented where they are declared, functions at one of their signatures. */
function isDocumented(symbol) {
  if (symbol.kindOf(ReflectionKind.Reference)) return true
  return [symbol, ...(symbol.signatures ?? [])].some((declared) => declared.hasComment())
}
