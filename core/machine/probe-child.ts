/** Runs a small graph on the device of its first argument, and exits with 0 if it is right. */
import { g } from '../engine/graph/graph.ts'
import { withoutPrecision } from '../engine/graph/session-device.ts'
import { Session } from '../engine/graph/session.ts'
import { float32 } from '../engine/tensor/tensor.ts'

const device = withoutPrecision(process.argv[2]!)
const x = g.input('x', 'float32', ['n', 3])
const weights = g.floats([3, 2], [1, 0, 0, 1, 1, 1])
try {
  const session = await Session.compile({ y: g.matMul(x, weights) }, [x], { device }, 'probe')
  const { y } = await session.run({ x: float32([1, 3], Float32Array.of(1, 2, 3)) }, 'probe')
  const found = Array.from(y!.data, Number).join()
  if (found !== '4,5') throw new Error(`a product gives [${found}] instead of [4,5]`)
  await session.release()
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
