/** Opens a file in onnxruntime, and says what to do where that fails. */
import { TensorProto_DataType as DataType } from 'onnx-buf'
import { GraphError, RobenchError } from '../base/errors.ts'
import { readableOpsets } from '../engine/graph/operator.ts'
import { describe } from '../engine/graph/operator-call.ts'
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import type { OnnxGraph } from '../engine/onnx/file.ts'
import { nameAxes } from '../engine/onnx/name-axes.ts'

/** Some operators of this set, and of older ones, have no kernel in onnxruntime. */
const oldOpset = 6

/** Domains whose operators onnxruntime knows. */
const knownDomains = /^($|ai\.onnx|com\.(ms|microsoft)(\.|$))/

/** A kind of failure: what its message matches, and what to do. */
interface Cure {
  readonly pattern: RegExp
  readonly advice: string
}

const cures: readonly Cure[] = [
  {
    pattern: /Unsupported model IR version/,
    advice:
      'export it with an older version of the package onnx, or set model.ir_version to a supported ' +
      'one in Python and save it',
  },
  {
    pattern: /LSTM node[^]*must have shape/,
    advice:
      'ONNX has no LSTM with a projection (proj_size), which torch.onnx.export does not refuse: ' +
      'use proj_size=0, or a loop over nn.LSTMCell',
  },
]

const inFloat32 =
  'it computes in bfloat16, for which onnxruntime has few kernels: ' +
  'export the model in float32 (model.float())'

/**
 * Loads a file.
 * @param graph as read from these bytes
 * @throws GraphError ROBENCH_MODEL_FILE with advice
 */
export async function openFile(
  bytes: Uint8Array,
  graph: OnnxGraph,
  options: SessionOptions,
  name: string,
): Promise<Session> {
  try {
    return await Session.load(nameAxes(bytes, graph), options, name)
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    const custom = graph.nodes.find(({ domain }) => !knownDomains.test(domain))
    if (custom) {
      const { domain, op, name: own, outputs } = custom
      const node = describe({ op: `${domain}.${op}`, name: own || (outputs[0] ?? '') })
      throw new GraphError(
        error.code,
        `${name}: onnxruntime has no operator ${node}; export the model without custom operators, ` +
          'or define them in the file as functions of operators of ONNX',
        { details: error.details, cause: error },
      )
    }
    if (graph.opset > readableOpsets[1]) throw newerSet(error, graph.opset, name)
    throw withAdvice(error, usesBfloat16(graph) ? inFloat32 : adviceFor(error, graph.opset))
  }
}

/**
 * The first run of a file, whose errors say what to do.
 * @throws RobenchError of the run, with advice where its cause is known
 */
export async function firstRun<T>(run: Promise<T>): Promise<T> {
  try {
    return await run
  } catch (error) {
    if (!(error instanceof RobenchError)) throw error
    throw withAdvice(error, adviceFor(error))
  }
}

function adviceFor({ message }: Error, opset = oldOpset + 1): string | undefined {
  if (opset <= oldOpset) {
    return (
      `its operator set ${opset} is too old for onnxruntime: ` +
      'convert it (onnx.version_converter.convert_version(model, 17))'
    )
  }
  return cures.find(({ pattern }) => pattern.test(message))?.advice
}

function usesBfloat16({ nodes, unreadable }: OnnxGraph): boolean {
  const type = DataType.BFLOAT16
  if ([...(unreadable?.values() ?? [])].includes(DataType[type])) return true
  return nodes.some(({ op, attributes }) => op === 'Cast' && attributes['to']?.value === type)
}

/** Instead of the message of onnxruntime, which is about its own releases. */
function newerSet({ code, details }: GraphError, opset: number, name: string): GraphError {
  const newest = readableOpsets[1]
  return new GraphError(
    code,
    `${name}: its operator set ${opset} is newer than ${newest}, the newest that onnxruntime ` +
      `supports; export it with opset_version=${newest} or lower, or convert it ` +
      '(onnx.version_converter)',
    { details },
  )
}

function withAdvice(error: RobenchError, advice: string | undefined): RobenchError {
  if (advice === undefined) return error
  const message = `${error.message.replace(/\.$/, '')}; ${advice}`
  const more = { details: error.details, cause: error }
  return error instanceof GraphError
    ? new GraphError(error.code, message, more)
    : new RobenchError(error.code, message, more)
}
