/** What commands print fits a terminal of 80 columns. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/base/paths.ts'
import { finished, startRobench, temporaryFolder } from './support/cli.ts'
import { tooLong } from './support/terminal.ts'

const model = join(packageRoot(), 'models', 'quickstart-standard.onnx')

test.for([[['list']], [['data', 'list']], [['inspect', model]]] as const)(
  '%s prints no line of more than 80 characters',
  async ([words]) => {
    const child = startRobench(temporaryFolder(), ...words)
    const { code, stdout, stderr } = await finished(child)
    expect(tooLong(stdout + stderr)).toEqual([])
    expect(code).toBe(0)
  },
)
