/** The two sides of the comparison as processes that are started once and then asked. */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Their side: Python, one process with so many threads; `ask` gives `{ outcomes, seconds, processorSeconds, outside }`. */
export async function startTheirs(python, files, threads) {
  const script = fileURLToPath(new URL('./peers.py', import.meta.url))
  const options = Object.entries({ ...files, threads }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const child = spawn(python, [script, ...options], { stdio: ['pipe', 'pipe', 'inherit'] })
  const failed = once(child, 'close').then(([code]) => {
    throw new Error(
      `${python} peers.py ended with ${code}; see above, and README.md for the packages`,
    )
  })
  failed.catch(() => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value } = await Promise.race([lines.next(), failed])
    return value === undefined ? failed : JSON.parse(value)
  }
  const { logitDifference } = await next()
  return {
    logitDifference,
    ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      return next()
    },
    close: () => child.stdin.end(),
  }
}

/** Our side: so many processes of one thread, each with its share of the examples; `ask` gives `{ outcomes, seconds, processorSeconds }`. */
export async function startOurs(modelFile, workers) {
  const script = fileURLToPath(new URL('./worker.mjs', import.meta.url))
  const children = Array.from({ length: workers }, () => fork(script, [modelFile]))
  const failed = Promise.race(
    children.map(async (child) => {
      const [code] = await once(child, 'exit')
      throw new Error(`worker.mjs ended with ${code}`)
    }),
  )
  failed.catch(() => {})
  const answerOf = (child) => new Promise((resolve) => child.once('message', resolve))
  const answers = () => Promise.race([Promise.all(children.map(answerOf)), failed])
  await answers()
  return {
    async ask({ examples, ...request }) {
      const started = performance.now()
      const share = Math.ceil(examples / workers)
      children.forEach((child, place) =>
        child.send({
          ...request,
          start: Math.min(examples, place * share),
          end: Math.min(examples, (place + 1) * share),
        }),
      )
      const parts = await answers()
      return {
        outcomes: parts.map(({ outcomes }) => outcomes).join(''),
        seconds: (performance.now() - started) / 1000,
        processorSeconds: parts.reduce((sum, part) => sum + part.processorSeconds, 0),
      }
    },
    close: () => children.forEach((child) => child.disconnect()),
  }
}
