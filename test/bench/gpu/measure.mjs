/**
 * Measures one device after another and writes results.json, the only file. Each part is a process
 * with a limit of its own, so that one that fails or hangs costs only itself.
 *
 *     node test/bench/gpu/measure.mjs --out DIR [--seconds 480] [--python python3] cuda webgpu
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const { values, positionals: devices } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: 'gpu-results' },
    seconds: { type: 'string', default: '480' },
    python: { type: 'string', default: 'python3' },
    /** Smaller numbers try the script where there is no GPU. */
    small: { type: 'boolean', default: false },
  },
})
const out = resolve(values.out)
mkdirSync(out, { recursive: true })
const scratch = mkdtempSync(join(tmpdir(), 'robench-gpu-figures-'))
const deadline = performance.now() + Number(values.seconds) * 1000
const results = { startedAt: new Date().toISOString(), devices, parts: [] }
const size = values.small ? ['--small'] : []
// Little work takes long on a software device or a busy machine.
const patience = values.small ? 3 : 1

/** In order of importance: what does not fit in the time is left out, and said so. */
const [first, ...others] = devices
const parts = [
  ...['doctor', ...devices].map((device) => node('doctor', device, 40)),
  node('agreement', first, 90),
  node('throughput', first, 150, ['--network', 'shipped']),
  torch(first, 120, ['--network', 'shipped']),
  node('throughput', first, 90, ['--network', 'resnet18-64']),
  torch(first, 60, ['--network', 'resnet18-64']),
  node('profile', first, 40),
  ...others.flatMap((device) => [
    node('agreement', device, 60),
    node('throughput', device, 60, [
      '--network',
      device.endsWith('/float16') ? 'resnet18-64' : 'shipped',
    ]),
  ]),
]
const broken = new Set()
for (const part of parts) {
  const result = await resultOf(part)
  if (part.name === `doctor ${part.device}` && result.state !== 'done') broken.add(part.device)
  results.parts.push({ name: part.name, ...result })
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`)
  const time = result.seconds === undefined ? '' : ` in ${result.seconds} s`
  console.log(`== ${part.name}: ${result.state}${time}${result.reason ? `: ${result.reason}` : ''}`)
  if (result.values) console.log(JSON.stringify(result.values))
}
rmSync(scratch, { recursive: true })

async function resultOf(part) {
  const left = (deadline - performance.now()) / 1000
  if (left < 5) return { state: 'left out', reason: 'no time left' }
  if (!part.isTorch && broken.has(part.device)) {
    return { state: 'left out', reason: `doctor ${part.device} failed` }
  }
  return runPart(part, Math.min(part.limit * patience, left))
}

function node(name, device, limit, words = []) {
  const script = join(here, `${name}.mjs`)
  const command = [process.execPath, script, '--device', device, ...words, ...size]
  return { name: [name, device, ...words.slice(1)].join(' '), device, command, limit }
}

function torch(device, limit, words) {
  const script = join(here, 'torch_side.py')
  const command = [values.python, script, '--device', device, ...words, ...size]
  const name = ['torch', device, ...words.slice(1)].join(' ')
  return { name, device, command, limit, isTorch: true }
}

function runPart({ name, command }, seconds) {
  const file = join(scratch, `${name.replaceAll(/[^\w.-]+/g, '-')}.json`)
  const [program, ...words] = command
  const started = performance.now()
  return new Promise((done) => {
    let log = ''
    // The part is the leader of a process group, which ends with it.
    const child = spawn(program, [...words, '--json', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      if (child.pid) process.kill(-child.pid, 'SIGKILL')
    }, seconds * 1000)
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => (log = `${log}${chunk}`.slice(-8000)))
    }
    const finish = (state) => {
      clearTimeout(timer)
      const elapsed = Math.round((performance.now() - started) / 100) / 10
      // A part writes its file after each figure, so that one that is stopped leaves what it has.
      const found = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
      const failure = isLate
        ? { reason: `over its ${Math.round(seconds)} s` }
        : { reason: reasonOf(log), log }
      done({ state, seconds: elapsed, ...(state !== 'done' && failure), values: found })
    }
    child.on('error', (error) => {
      log = String(error)
      finish('failed to start')
    })
    child.on('close', (code, signal) => finish(stateOf({ code, signal, isLate })))
  })
}

function stateOf({ code, signal, isLate }) {
  if (code === 0) return 'done'
  if (isLate) return 'stopped'
  return `failed (${signal ?? code})`
}

/** The line of a part's output that says what failed. Causes and stack frames are indented. */
function reasonOf(log) {
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  const error = lines.findLast((line) => /^[\w.]*(?:Error|Exception)\b/.test(line)) ?? lines.at(-1)
  if (error === undefined) return 'no output'
  return error.length > 400 ? `${error.slice(0, 100)} … ${error.slice(-300)}` : error
}
