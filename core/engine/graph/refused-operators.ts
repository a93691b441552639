/** Operators that robench does not differentiate, and why. */

const groups: readonly { readonly reason: string; readonly operators: string }[] = [
  {
    reason: 'it is constant almost everywhere, so its gradient would be zero',
    operators: `
      ai.onnx.ml.TreeEnsemble ai.onnx.ml.TreeEnsembleClassifier
      ai.onnx.ml.TreeEnsembleRegressor`,
  },
  {
    reason: 'its result has a shape that depends on the values of its input',
    operators: `
      Compress NonMaxSuppression NonZero TfIdfVectorizer Unique
      com.microsoft.GatherPacked com.microsoft.Unique`,
  },
  {
    reason: 'it works on sequences or optional values, not on tensors',
    operators: `
      ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt
      SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength
      SequenceMap SplitToSequence`,
  },
  {
    reason: 'it makes a sequence of maps; export from scikit-learn with the option "zipmap": False',
    operators: 'ai.onnx.ml.ZipMap',
  },
  {
    reason: 'it works on strings, maps, or categories, which have no gradient',
    operators: `
      RegexFullMatch StringConcat StringNormalizer StringSplit ai.onnx.ml.CastMap
      ai.onnx.ml.CategoryMapper ai.onnx.ml.DictVectorizer ai.onnx.ml.LabelEncoder
      ai.onnx.ml.OneHotEncoder com.microsoft.MurmurHash3 com.microsoft.NGramHashMapping
      com.microsoft.Tokenizer`,
  },
  {
    reason: 'it contains other graphs; it is supported where these are inlined when a file is read',
    operators: 'If Loop Scan',
  },
  {
    reason: 'it draws a class, so its result has no gradient; use the probabilities',
    operators: 'Multinomial',
  },
  {
    reason: 'it computes the features of audio, or reads bytes, before a model',
    operators: 'BitCast ImageDecoder MelWeightMatrix',
  },
  {
    reason: 'it is part of training or of a loss, not of a classifier',
    operators: `
      NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss com.microsoft.BifurcationDetector
      com.microsoft.SampleOp`,
  },
  {
    reason: 'it is a part of language models: text is no image',
    operators: `
      TensorScatter com.microsoft.AttnLSTM com.microsoft.BeamSearch
      com.microsoft.CausalConvWithState com.microsoft.DecoderMaskedMultiHeadAttention
      com.microsoft.EmbedLayerNormalization com.microsoft.EngramGate com.microsoft.GatedAdd
      com.microsoft.GatedRMSNorm com.microsoft.GatherBlockQuantized com.microsoft.GreedySearch
      com.microsoft.GroupQueryAttention com.microsoft.LinearAttention
      com.microsoft.LinearAttentionGate com.microsoft.MRotaryEmbedding com.microsoft.MoE
      com.microsoft.NGramRepeatBlock com.microsoft.QEmbedLayerNormalization
      com.microsoft.QMoE com.microsoft.Sampling com.microsoft.SparseAttention
      com.microsoft.WhisperBeamSearch com.microsoft.WordConvEmbedding`,
  },
  {
    reason: 'it detects or crops regions of an image, which a classifier does not need',
    operators: 'MaxRoiPool RoiAlign com.microsoft.CropAndResize com.microsoft.MaxpoolWithMask',
  },
  {
    reason: 'kernel machines have no derivative rule yet',
    operators: 'ai.onnx.ml.SVMClassifier ai.onnx.ml.SVMRegressor',
  },
  {
    reason: 'it has no derivative rule yet',
    operators: `
      DeformConv Det ReverseSequence com.microsoft.CDist
      com.microsoft.ConvTransposeWithDynamicPads com.microsoft.DynamicQuantizeLSTM
      com.microsoft.DynamicTimeWarping com.microsoft.Inverse com.microsoft.MatMulBnb4
      com.microsoft.MatMulFpQ4 com.microsoft.MatMulInteger16 com.microsoft.Pad
      com.microsoft.QAttention com.microsoft.QLinearWhere com.microsoft.Range
      com.microsoft.SparseToDenseMatMul com.microsoft.UnfoldTensor`,
  },
  {
    reason: 'onnxruntime has a kernel, but loads no file with it',
    operators: `
      Affine Crop DynamicSlice ImageScaler MemcpyFromHost MemcpyToHost ParametricSoftplus Scale
      ScaledTanh`,
  },
]

/** The reason for each operator, by its name with the domain. */
export const refusedOperators: ReadonlyMap<string, string> = new Map(
  groups.flatMap(({ reason, operators }) =>
    operators
      .trim()
      .split(/\s+/)
      .map((name) => [name, reason] as const),
  ),
)
