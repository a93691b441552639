/** Components of a model as parts of its expression, and what their treatment makes of it. */
import { ConfigError, didYouMean } from '../base/errors.ts'
import { formatShape } from '../engine/graph/dim.ts'
import { substitute } from '../engine/graph/rewrite.ts'
import { topologicalOrder, type Value } from '../engine/graph/value.ts'
import type { ManifestComponent } from './manifest.ts'
import type { ModelComponent, ModelVariant } from './model.ts'

/** A component y = s(x) in an expression of logits. */
export interface PlacedComponent extends ModelComponent {
  readonly input: Value
  readonly output: Value
}

/** A model's expression, and how gradients are to pass through it. */
export interface TreatedExpression {
  readonly logits: Value
  /** As in the options of `gradient`. */
  readonly bridges: ReadonlyMap<Value, Value | null>
  readonly straightThrough: boolean
}

/** True if the variant is the model as it is. */
export function isExact({ components = {}, straightThrough = false }: ModelVariant): boolean {
  return !straightThrough && Object.values(components).every((treatment) => treatment === 'exact')
}

/** @throws ConfigError if the variant names a component that is not among these */
export function checkComponentNames(
  known: readonly ModelComponent[],
  { components = {} }: ModelVariant,
  model: string,
): void {
  const names = known.map(({ name }) => name)
  const unknown = Object.keys(components).find((name) => !names.includes(name))
  if (unknown === undefined) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${model} has no component "${unknown}"${didYouMean(unknown, names)} (it has ${names.join(', ') || 'none'})`,
  )
}

/**
 * Finds the tensors that the manifest names. Later expressions must keep them: whoever rewrites the logits passes them along as results.
 * @param values what the file's tensors were read as
 * @throws ConfigError if a tensor is not in the graph, or is dropped because nothing after it is used
 */
export function placeComponents(
  declared: readonly ManifestComponent[],
  values: ReadonlyMap<string, Value>,
  model: string,
): PlacedComponent[] {
  const names = declared.map(({ name }) => name)
  const twice = names.find((name, place) => names.indexOf(name) !== place)
  if (twice !== undefined) throw wrongComponent(model, twice, 'two components have that name')
  return declared.map((component) => {
    const find = (key: 'input' | 'output'): Value => {
      const value = values.get(component[key])
      if (value) return value
      throw wrongComponent(
        model,
        component.name,
        `its ${key} "${component[key]}" is no tensor on the way to the logits; name one as the file does`,
      )
    }
    return {
      name: component.name,
      backward: component.backward,
      input: find('input'),
      output: find('output'),
    }
  })
}

/**
 * Checks that each component is a part of the way from images to logits.
 * @throws ConfigError naming the component
 */
export function checkComponents(
  logits: Value,
  components: readonly PlacedComponent[],
  model: string,
): void {
  const used = new Set(topologicalOrder([logits]))
  for (const { name, input, output, backward } of components) {
    if (input === output) {
      throw wrongComponent(model, name, 'its input and output are one value, so it does nothing')
    }
    if (!used.has(output.node)) {
      throw wrongComponent(
        model,
        name,
        'the logits do not depend on its output as robench reads them',
      )
    }
    if (!topologicalOrder([output]).includes(input.node)) {
      throw wrongComponent(model, name, 'its output does not depend on its input')
    }
    if (backward === 'identity' || backward === 'removed') checkShapes(input, output, name, model)
  }
}

/** The expression with its components treated so; whatever the variant does not name is exact. */
export function treat(
  expression: Value,
  components: readonly PlacedComponent[],
  variant: ModelVariant,
  model: string,
): TreatedExpression {
  let [logits, ...ends] = [
    expression,
    ...components.flatMap(({ input, output }) => [input, output]),
  ]
  components.forEach(({ name }, i) => {
    const [input, output] = [ends[2 * i]!, ends[2 * i + 1]!]
    const treatment = variant.components?.[name] ?? 'exact'
    if (treatment === 'identity' || treatment === 'removed') {
      checkShapes(input, output, name, model)
    }
    if (treatment !== 'removed') return
    const replaced = substitute([logits, ...ends], new Map([[output, input]]))
    logits = replaced[0]!
    ends = replaced.slice(1)
  })
  const bridges = new Map<Value, Value | null>()
  components.forEach(({ name }, i) => {
    const treatment = variant.components?.[name] ?? 'exact'
    if (treatment === 'identity') bridges.set(ends[2 * i + 1]!, ends[2 * i]!)
    if (treatment === 'constant') bridges.set(ends[2 * i + 1]!, null)
  })
  return { logits, bridges, straightThrough: variant.straightThrough ?? false }
}

/** The expression with other values in the place of some. */
export function substituteTreated(
  { logits, bridges, straightThrough }: TreatedExpression,
  replacements: ReadonlyMap<Value, Value>,
): TreatedExpression {
  const pairs = Array.from(bridges)
  const values = pairs.flatMap(([from, to]) => (to ? [from, to] : [from]))
  const [replaced, ...ends] = substitute([logits, ...values], replacements)
  const moved = pairs.map(
    ([, to]) => [ends.shift()!, to && ends.shift()!] as const satisfies readonly unknown[],
  )
  return { logits: replaced!, bridges: new Map(moved), straightThrough }
}

function checkShapes(input: Value, output: Value, name: string, model: string): void {
  const [from, to] = [formatShape(input.shape), formatShape(output.shape)]
  if (from === to) return
  throw wrongComponent(
    model,
    name,
    `it turns ${from} into ${to}, so it cannot be treated as the identity or removed; "constant" and "exact" can be had`,
  )
}

function wrongComponent(model: string, name: string, reason: string): ConfigError {
  return new ConfigError('ROBENCH_CONFIG', `${model}: component "${name}": ${reason}`)
}
