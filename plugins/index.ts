/** The built-in plugins: sorted tables of lazy loaders, of the same form as a third party's package exports. */
import type { PluginTable } from '../core/index.ts'

const builtins: PluginTable = {
  attacks: {
    'apgd-ce': async () => (await import('./attacks/apgd-ce.ts')).apgdCe,
    'apgd-dlr': async () => (await import('./attacks/apgd-dlr.ts')).apgdDlr,
    'apgd-t': async () => (await import('./attacks/apgd-t.ts')).apgdT,
    autoattack: async () => (await import('./attacks/autoattack.ts')).autoattack,
    bim: async () => (await import('./attacks/bim.ts')).bim,
    fab: async () => (await import('./attacks/fab.ts')).fab,
    'fab-t': async () => (await import('./attacks/fab-t.ts')).fabT,
    fgsm: async () => (await import('./attacks/fgsm.ts')).fgsm,
    mim: async () => (await import('./attacks/mim.ts')).mim,
    pgd: async () => (await import('./attacks/pgd.ts')).pgd,
    square: async () => (await import('./attacks/square.ts')).square,
  },
  defenses: {
    'onnx-model': async () => (await import('./defenses/onnx-model.ts')).onnxModel,
    'pgd-at': async () => (await import('./defenses/pgd-at.ts')).pgdAt,
    standard: async () => (await import('./defenses/standard.ts')).standard,
  },
  networks: {
    resnet: async () => (await import('./networks/resnet.ts')).resnet,
    'small-cnn': async () => (await import('./networks/small-cnn.ts')).smallCnn,
  },
}

export default builtins
