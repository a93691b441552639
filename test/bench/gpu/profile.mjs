/** Where a gradient pass spends its time: onnxruntime's own profile by provider and operator. */
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { toOnnx } from '../../../dist/core/engine/graph/serialize.js'
import { finishFor } from '../../../dist/core/engine/graph/session.js'
import { crossEntropy } from '../../../dist/core/model/losses.js'
import { evaluate } from './evaluate.mjs'
import { readExamples } from './examples.mjs'
import { loadNetwork } from './models.mjs'
import { device, examplesFile, medianSeconds, record, small } from './part.mjs'

const batch = small ? 4 : 256
const { inputs, labels } = readExamples(examplesFile, batch)
await profileGradient()
await splitAttack()

async function profileGradient() {
  // With weights as constants, as in the sessions of attacks.
  const model = await loadNetwork('resnet18-64', device)
  const { inputs: placeholders, outputs } = model.gradientExpression(crossEntropy)
  const finish = await finishFor(Object.values(outputs), { device })
  const bytes = toOnnx({ ...outputs }, placeholders.slice(0, 2), {}, finish)
  await model.dispose()
  const [name, id] = device.split(':')
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: [id === undefined ? name : { name, deviceId: Number(id) }],
    enableProfiling: true,
    profileFilePrefix: join(tmpdir(), `robench-profile-${process.pid}`),
  })
  const feeds = {
    inputs: new ort.Tensor('float32', inputs.data, inputs.shape),
    labels: new ort.Tensor('int64', BigInt64Array.from(labels, BigInt), [batch]),
  }
  for (let i = 0; i < 5; i++) await session.run(feeds)
  session.endProfiling()
  await session.release()
  const file = newestProfile()
  if (file) summarize(JSON.parse(readFileSync(file, 'utf8')))
}

function newestProfile() {
  const prefix = `robench-profile-${process.pid}`
  const found = readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))
  return found.length > 0 ? join(tmpdir(), found.toSorted().at(-1)) : undefined
}

function summarize(events) {
  const nodes = events.filter(({ cat, name }) => cat === 'Node' && name.endsWith('_kernel_time'))
  const totals = (keyOf) => {
    const sums = new Map()
    for (const { args, dur } of nodes) sums.set(keyOf(args), (sums.get(keyOf(args)) ?? 0) + dur)
    const sorted = [...sums].toSorted(([, a], [, b]) => b - a).slice(0, 12)
    return Object.fromEntries(sorted.map(([key, time]) => [key, Math.round(time / 5)]))
  }
  record(
    'microsecondsByProvider',
    totals(({ provider }) => provider),
  )
  record(
    'microsecondsByOperator',
    totals(({ op_name: operator }) => operator),
  )
  const providers = new Map(nodes.map(({ args, name }) => [name, args.provider]))
  const counts = {}
  for (const provider of providers.values()) counts[provider] = (counts[provider] ?? 0) + 1
  record('nodesByProvider', counts)
}

/**
 * An attack with steps by the host, and how much of it is passes; and with steps on the device, and
 * how many runs it takes.
 */
async function splitAttack() {
  const options = { steps: small ? 5 : 20, stepSize: '2/255' }
  const host = await loadNetwork('shipped', device, 1, 'host')
  const passes = timedCalls(host, ['gradient', 'logits'])
  await evaluate(host, inputs, labels, 'pgd', options, batch)
  passes.reset()
  const byHost = await evaluate(host, inputs, labels, 'pgd', options, batch)
  record('pgdByHost', {
    seconds: byHost.seconds,
    secondsInPasses: passes.seconds(),
    passes: byHost.backwardPasses,
  })
  const own = await loadNetwork('shipped', device, 1, 'device')
  await evaluate(own, inputs, labels, 'pgd', options, batch)
  const onDevice = await evaluate(own, inputs, labels, 'pgd', options, batch)
  const differ = [...onDevice.outcomes].filter((outcome, i) => outcome !== byHost.outcomes[i])
  record('pgdOnDevice', {
    seconds: onDevice.seconds,
    passes: onDevice.backwardPasses,
    differ: differ.length,
  })
  const full = await medianSeconds(() => own.gradient(inputs, labels, crossEntropy), 0.5)
  record('gradientSeconds', full)
}

/** Times methods of an object from now on. */
function timedCalls(target, names) {
  let total = 0
  for (const name of names) {
    const call = target[name].bind(target)
    target[name] = async (...words) => {
      const started = performance.now()
      const result = await call(...words)
      total += performance.now() - started
      return result
    }
  }
  return { seconds: () => total / 1000, reset: () => (total = 0) }
}
