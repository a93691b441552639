/** Which inputs of operators are sizes, axes, or positions. */

/**
 * The operators whose inputs from that index on are sizes, axes, or positions that the import must
 * know.
 */
export const sizeInputs: Readonly<Record<string, number>> = {
  ConstantOfShape: 0,
  CumSum: 1,
  Expand: 1,
  OneHot: 1,
  Pad: 1,
  Range: 0,
  ReduceL1: 1,
  ReduceL2: 1,
  ReduceLogSum: 1,
  ReduceLogSumExp: 1,
  ReduceMax: 1,
  ReduceMean: 1,
  ReduceMin: 1,
  ReduceProd: 1,
  ReduceSum: 1,
  ReduceSumSquare: 1,
  Reshape: 1,
  Resize: 1,
  Slice: 1,
  Split: 1,
  Squeeze: 1,
  Tile: 1,
  TopK: 1,
  Unsqueeze: 1,
  Upsample: 1,
}
