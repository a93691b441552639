/**
 * The two sides of the comparison: processes that are started once and receive requests. Each
 * attacks its share of the examples.
 */
import { fork, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The reference side: processes of `threads` threads each. @param files the options of peers.py */
export function startTheirs(python, files, { processes, threads }) {
  const script = pathOf('./peers.py')
  const options = Object.entries({ ...files, threads }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  return startSide(processes, () => {
    const child = spawn(python, [script, ...options], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    return {
      child,
      listen: (receive) => lines.on('line', (line) => receive(JSON.parse(line))),
      send: (request) => child.stdin.write(`${JSON.stringify(request)}\n`),
      end: () => child.stdin.end(),
    }
  })
}

/** The robench side: processes of one thread. @param modelFile the .onnx file */
export function startOurs(modelFile, workers) {
  return startSide(workers, () => {
    const child = fork(pathOf('./worker.mjs'), [modelFile])
    return {
      child,
      listen: (receive) => child.on('message', receive),
      send: (request) => child.send(request),
      end: () => child.disconnect(),
    }
  })
}

/** Starts the processes and waits for the first message of each: `greetings`. */
async function startSide(workers, start) {
  const processes = Array.from({ length: workers }, () => openProcess(start()))
  const greetings = await Promise.all(processes.map(({ next }) => next()))
  return {
    greetings,
    /**
     * Attacks the first `examples` examples. Returns outcomes, wall-clock seconds, and seconds of
     * processor time over all processes.
     */
    async attack({ examples, ...request }) {
      const share = Math.ceil(examples / workers)
      const started = performance.now()
      const parts = await Promise.all(
        processes.map(({ send, next }, place) => {
          const [start, end] = [place, place + 1].map((edge) => Math.min(examples, edge * share))
          send({ ...request, start, end })
          return next()
        }),
      )
      return {
        seconds: (performance.now() - started) / 1000,
        outcomes: parts.map(({ outcomes }) => outcomes).join(''),
        processorSeconds: parts.reduce((sum, part) => sum + part.processorSeconds, 0),
      }
    },
    close: () => processes.forEach(({ end }) => end()),
  }
}

/** A process whose replies are awaited one at a time. A pending reply fails if the process ends. */
function openProcess({ child, listen, send, end }) {
  let settle
  let failure
  const fail = (error) => {
    failure = error
    settle?.reject(error)
  }
  listen((reply) => settle?.resolve(reply))
  child.on('error', fail)
  child.on('exit', (code) => fail(new Error(`${child.spawnargs.join(' ')}: ended with ${code}`)))
  return {
    send,
    end,
    next: () =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject }
        if (failure) reject(failure)
      }),
  }
}

function pathOf(name) {
  return fileURLToPath(new URL(name, import.meta.url))
}
