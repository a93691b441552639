/** A description of an ONNX file as text. */
import { wrapText } from '../core/base/wrap.ts'
import type { ModelInspection } from '../core/api/program/inspect-model.ts'
import { percent } from '../core/base/figures.ts'
import type { OnnxValueInfo } from '../core/engine/onnx/file.ts'
import { bytes, count, countOf, significant } from '../reports/theme/figures.ts'
import { plainTable } from '../reports/theme/plain-table.ts'

const label = 'normalization  '.length

/** The description in lines of at most `width` characters, as far as words allow. */
export function formatInspection(path: string, model: ModelInspection, width: number): string {
  const { inputs, outputs, opset, domains, parameters, reading } = model
  const rows: [name: string, text: string][] = [
    ['file', `${bytes(model.bytes)}, operator set ${[opset, ...domains].join(', ')}`],
    ...inputs.map((info): [string, string] => ['input', valueText(info)]),
    ...outputs.map((info): [string, string] => ['output', valueText(info)]),
    ['parameters', count(parameters)],
    ['pass', passText(model)],
    ['memory', memoryText(model)],
    ['gradient', gradientText(model).replace(`${path}: `, '')],
    ['normalization', normalizationText(model)],
    ['head', headText(model)],
    ...(reading?.remarks ?? []).map((remark): [string, string] => ['note', remark]),
  ]
  const lines = rows.map(([name, text]) =>
    wrapText(text, width - label - 2)
      .split('\n')
      .map((line, i) => `  ${(i === 0 ? name : '').padEnd(label)}${line}\n`)
      .join(''),
  )
  const operators = model.operators.map(({ operator, count: number, derivative }) => [
    operator,
    count(number),
    derivative,
  ])
  const head = ['operator', 'count', 'derivative']
  const table = plainTable(head, operators, { alignments: ['left', 'right', 'left'] })
  return `${path}\n${lines.join('')}\n${table}\n`
}

/** An input or output: `images float32 [n, 3, 32, 32]`. */
export function valueText({ name, dtype, shape }: OnnxValueInfo): string {
  const sizes = shape ? ` [${shape.map((size) => size ?? '?').join(', ')}]` : ''
  return `${name} ${dtype ?? 'of unknown type'}${sizes}`
}

function passText({ multiplyAdds }: ModelInspection): string {
  if (!multiplyAdds) return 'unknown without a gradient'
  const { forward, withGradient } = multiplyAdds
  return `${large(forward)} multiply-adds per example; ${large(withGradient)} with the gradient`
}

function memoryText({ memory }: ModelInspection): string {
  if (memory.length === 0) return 'unknown without a gradient'
  const each = memory.map((item) => `${(item.bytes / 1e9).toFixed(2)} GB at batch ${item.batch}`)
  return `about ${each.join(', ')}`
}

function gradientText({ gradient, reading }: ModelInspection): string {
  if (!gradient.available) return `not available: ${gradient.reason}`
  const { zeroShare } = gradient
  const zeros = zeroShare === 0 ? '' : `; ${percent(zeroShare, 0)} of it is 0 for a random image`
  const noise = reading?.stochastic ? '; the model draws random numbers' : ''
  return `available${zeros}${noise}`
}

function normalizationText({ normalization }: ModelInspection): string {
  if (normalization.kind === 'batch-normalization') return 'inside: BatchNormalization of the input'
  if (normalization.kind === 'none') {
    return 'none found in the file; it may be part of the weights of the first layer'
  }
  const list = (values: readonly number[]): string =>
    values.map((value) => significant(value, 4)).join(', ')
  const { mean, std } = normalization
  return `inside: mean ${list(mean)}; std ${list(std)}`
}

function headText({ head, reading }: ModelInspection): string {
  const operators = head.operators.join(' → ') || 'none'
  if (!reading) return operators
  const classes = `, ${countOf(reading.classes, 'class', 'classes')}`
  const advice =
    head.output === 'logits' ? '' : '; robench expects logits: name the tensor before it (--output)'
  return `${operators}: ${head.output}${classes}${advice}`
}

/** `12.3 M`, `4.1 G`, or `812`. */
function large(value: number): string {
  if (value >= 1e9) return `${significant(value / 1e9)} G`
  return value >= 1e6 ? `${significant(value / 1e6)} M` : count(value)
}
