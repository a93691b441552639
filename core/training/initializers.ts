/** Initial values of parameters. */
import { sizeOf } from '../engine/tensor/tensor.ts'
import type { Initializer } from './scope.ts'

/**
 * Normal with variance 2 / fan out, for kernels `[out, in, …]` before a ReLU
 * (He et al. 2015, arXiv:1502.01852).
 */
export const heNormal: Initializer = (values, shape, random) => {
  const [out = 1, , ...kernel] = shape
  const deviation = Math.sqrt(2 / (out * sizeOf(kernel)))
  for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal()
}

/** Uniform in ±1/√(fan in), for matrices `[out, in]`: PyTorch's default for linear layers. */
export const uniformFanIn: Initializer = (values, shape, random) => {
  const limit = 1 / Math.sqrt(shape[1] ?? 1)
  for (let i = 0; i < values.length; i++) values[i] = limit * (2 * random.uniform() - 1)
}

/** Normal with variance 2 / (fan in + fan out), for matrices `[out, in]` (Glorot, Bengio 2010). */
export const xavierNormal: Initializer = (values, shape, random) => {
  const deviation = Math.sqrt(2 / ((shape[0] ?? 1) + (shape[1] ?? 1)))
  for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal()
}

/** All zeros. */
export const zeros: Initializer = () => {}

/** All ones. */
export const ones: Initializer = (values) => {
  values.fill(1)
}
