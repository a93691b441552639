/** The thread of `startWatchdog`. */
import { writeSync } from 'node:fs'
import { Session } from 'node:inspector'
import { Socket } from 'node:net'
import { workerData } from 'node:worker_threads'
import type { WatchdogData, WatchdogReport } from './watchdog.ts'

/** How often memory is measured, in ms. */
const periodMs = 100

/** How long the other thread may take to stop, in ms: code that waits does not stop at all. */
const pauseMs = 1000

const { pipe, memoryBytes } = workerData as WatchdogData
const socket = new Socket({ fd: pipe })
socket.on('error', () => {})
// The parent has gone; code that never yields would not notice.
socket.on('end', () => process.kill(process.pid, 'SIGKILL'))
// Any message is the question where the code is.
socket.on('data', locate)

setInterval(() => {
  const memory = process.memoryUsage.rss()
  if (memory <= memoryBytes) return
  report({ memory })
  process.kill(process.pid, 'SIGKILL')
}, periodMs)

function report(line: WatchdogReport): void {
  try {
    writeSync(pipe, `${JSON.stringify(line)}\n`)
  } catch {
    // The parent has gone, or does not read.
  }
}

/** Pauses the other thread for good: the parent is about to kill this process. */
function locate(): void {
  const session = new Session()
  const files = new Map<string, string>()
  const timer = setTimeout(() => report({ stack: [] }), pauseMs)
  session.connectToMainThread()
  session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url))
  session.on('Debugger.paused', ({ params }) => {
    clearTimeout(timer)
    const stack = params.callFrames.map(({ url, location }) => ({
      file: url || (files.get(location.scriptId) ?? ''),
      line: location.lineNumber + 1,
      column: (location.columnNumber ?? 0) + 1,
    }))
    report({ stack })
  })
  session.post('Debugger.enable', () => session.post('Debugger.pause'))
}
