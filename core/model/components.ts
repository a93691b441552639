/** Components of a model as parts of its expression, and the expression with treated components. */
import { ConfigError, didYouMean } from '../base/errors.ts'
import { formatShape } from '../engine/graph/dim.ts'
import { substitute } from '../engine/graph/rewrite.ts'
import { topologicalOrder, type Value } from '../engine/graph/value.ts'
import type { ManifestComponent } from './manifest.ts'
import type { ComponentTreatment, ModelComponent, ModelVariant } from './model.ts'

/** A component y = s(x) in an expression of logits. */
export interface PlacedComponent extends ModelComponent {
  readonly input: Value
  readonly output: Value
}

/** Logits and the components that they contain. */
export interface ComponentExpression {
  readonly logits: Value
  readonly components: readonly PlacedComponent[]
}

/** A model's expression, and how gradients pass through it. */
export interface TreatedExpression {
  readonly logits: Value
  /** Gradient overrides, as in the options of `gradient`. */
  readonly overrides: ReadonlyMap<Value, Value | null>
  readonly straightThrough: boolean
}

/** True if the variant is the unchanged model. */
export function isExact({ components = {}, straightThrough = false }: ModelVariant): boolean {
  return !straightThrough && Object.values(components).every((treatment) => treatment === 'exact')
}

/** @throws ConfigError if the variant names a component that is not among `known` */
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
    `${model} has no component "${unknown}"${didYouMean(unknown, names)} ` +
      `(components: ${names.join(', ') || 'none'})`,
  )
}

/**
 * Finds the tensors that the manifest names. Rewrite the logits with `rewriteComponents`, which
 * keeps them.
 * @param values the value of each tensor in the file
 * @throws ConfigError if a tensor does not exist, or was dropped because the logits do not use it
 */
export function placeComponents(
  declared: readonly ManifestComponent[],
  values: ReadonlyMap<string, Value>,
  model: string,
): PlacedComponent[] {
  const names = declared.map(({ name }) => name)
  const duplicate = names.find((name, place) => names.indexOf(name) !== place)
  if (duplicate !== undefined) {
    throw componentError(model, duplicate, 'two components have this name')
  }
  return declared.map((component) => {
    const find = (key: 'input' | 'output'): Value => {
      const value = values.get(component[key])
      if (value) return value
      throw componentError(
        model,
        component.name,
        `its ${key} "${component[key]}" is not a tensor that the logits depend on; ` +
          'use the name in the file',
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
 * Checks that each component is between images and logits.
 * @throws ConfigError naming the component
 */
export function checkComponents({ logits, components }: ComponentExpression, model: string): void {
  const used = new Set(topologicalOrder([logits]))
  for (const { name, input, output, backward } of components) {
    if (input === output) {
      throw componentError(
        model,
        name,
        'its input and output are the same value, so it has no effect',
      )
    }
    if (!used.has(output.node)) {
      throw componentError(model, name, 'the imported logits do not depend on its output')
    }
    if (!topologicalOrder([output]).includes(input.node)) {
      throw componentError(model, name, 'its output does not depend on its input')
    }
    if (isBypass(backward)) checkShapes(input, output, name, model)
  }
}

/**
 * Applies a rewrite to the logits and to the ends of the components.
 * @param rewrite returns one value for each that it gets, in order
 */
export function rewriteComponents(
  { logits, components }: ComponentExpression,
  rewrite: (values: readonly Value[]) => Value[],
): ComponentExpression {
  const ends = components.flatMap(({ input, output }) => [input, output])
  const rewritten = rewriteValues([logits, ...ends], rewrite)
  return {
    logits: rewritten.get(logits)!,
    components: components.map((component) => ({
      ...component,
      input: rewritten.get(component.input)!,
      output: rewritten.get(component.output)!,
    })),
  }
}

/**
 * The expression with its components treated as the variant says; those it does not name are exact.
 * @throws ConfigError if a component cannot be bypassed because its output has another shape
 */
export function treatComponents(
  expression: ComponentExpression,
  variant: ModelVariant,
  model: string,
): TreatedExpression {
  const treatmentOf = (name: string): ComponentTreatment => variant.components?.[name] ?? 'exact'
  let current = expression
  for (const { name } of expression.components) {
    // Earlier removals rewrote the later components.
    const { input, output } = current.components.find((component) => component.name === name)!
    const treatment = treatmentOf(name)
    if (isBypass(treatment)) checkShapes(input, output, name, model)
    if (treatment !== 'removed') continue
    current = rewriteComponents(current, (values) => substitute(values, new Map([[output, input]])))
  }
  const overrides = new Map<Value, Value | null>()
  for (const { name, input, output } of current.components) {
    const treatment = treatmentOf(name)
    if (treatment === 'identity') overrides.set(output, input)
    if (treatment === 'constant') overrides.set(output, null)
  }
  return { logits: current.logits, overrides, straightThrough: variant.straightThrough ?? false }
}

/** The expression with some values replaced. */
export function substituteTreated(
  { logits, overrides, straightThrough }: TreatedExpression,
  replacements: ReadonlyMap<Value, Value>,
): TreatedExpression {
  const ends = [...overrides].flatMap(([from, to]) => (to ? [from, to] : [from]))
  const rewritten = rewriteValues([logits, ...ends], (values) => substitute(values, replacements))
  return {
    logits: rewritten.get(logits)!,
    overrides: new Map(
      Array.from(overrides, ([from, to]) => [rewritten.get(from)!, to && rewritten.get(to)!]),
    ),
    straightThrough,
  }
}

/** The result of a rewrite for each value. */
function rewriteValues(
  values: readonly Value[],
  rewrite: (values: readonly Value[]) => Value[],
): ReadonlyMap<Value, Value> {
  const distinct = [...new Set(values)]
  const results = rewrite(distinct)
  return new Map(distinct.map((value, i) => [value, results[i]!]))
}

/** Whether a treatment puts the component's input in the place of its output, in some pass. */
function isBypass(treatment: ComponentTreatment): boolean {
  return treatment === 'identity' || treatment === 'removed'
}

function checkShapes(input: Value, output: Value, name: string, model: string): void {
  const [from, to] = [formatShape(input.shape), formatShape(output.shape)]
  if (from === to) return
  throw componentError(
    model,
    name,
    `its input is ${from} and its output ${to}, so it cannot be treated as the identity or ` +
      'removed; use "constant" or "exact"',
  )
}

function componentError(model: string, name: string, reason: string): ConfigError {
  return new ConfigError('ROBENCH_CONFIG', `${model}: component "${name}": ${reason}`)
}
