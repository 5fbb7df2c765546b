// Operations of the nn dialect that compute: shapes, products, elements, reductions, layers and losses.
#ifndef HETER_DIALECTS_NN_NNFORWARD_TD
#define HETER_DIALECTS_NN_NNFORWARD_TD

include "dialects/nn/NNBase.td"

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

def NN_BroadcastOp : NN_PureOp<"broadcast", (ins NN_F32Tensor:$input, NN_Axes:$dims),
                               [NN_Pointwise, NN_Cheap, NN_Differentiable]> {
  let summary = "Repeats a value along new dimensions and dimensions of size 1";
  let description = [{
    `dims[i]` is the result's dimension of the operand's dimension i. The sizes are equal, or the operand's is 1.

    ```mlir
    %b = nn.broadcast %bias dims [1] : tensor<400xf32> -> tensor<?x400xf32>
    ```
  }];
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$input `dims` $dims attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def NN_ConcatOp : NN_InferredOp<"concat", (ins Variadic<NN_F32Tensor>:$inputs, NN_Axis:$axis),
                                [NN_Differentiable]> {
  let summary = "Joins tensors along one dimension, which is not the batch";
  let assemblyFormat = "$inputs `axis` `(` $axis `)` attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def NN_ReshapeOp : NN_PureOp<"reshape", (ins NN_F32Tensor:$input), [NN_Pointwise, NN_Differentiable]> {
  let summary = "The same elements in another shape; the batch stays dimension 0";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def NN_SliceOp : NN_InferredOp<"slice", (ins NN_F32Tensor:$input, NN_Axis:$axis, NN_Axis:$begin, NN_Axis:$end),
                               [NN_Differentiable]> {
  let summary = "Elements [begin, end) along one dimension, which is not the batch";
  let assemblyFormat = [{
    $input `axis` `(` $axis `)` `range` `(` $begin `,` $end `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def NN_PadOp : NN_InferredOp<"pad", (ins NN_F32Tensor:$input, NN_Axis:$axis, NN_Axis:$low, NN_Axis:$high),
                             [NN_Differentiable]> {
  let summary = "Zeros before (`low`) and after (`high`) along one dimension, which is not the batch";
  let assemblyFormat = [{
    $input `axis` `(` $axis `)` `by` `(` $low `,` $high `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
}

def NN_TransposeOp : NN_InferredOp<"transpose", (ins NN_F32Tensor:$input), [NN_Differentiable]> {
  let summary = "Swaps the last two dimensions, neither of which is the batch";
  let description = [{
    ```mlir
    %t = nn.transpose %rows : (tensor<?x27x16xf32>) -> tensor<?x16x27xf32>
    ```
  }];
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def NN_LowerTriangleOp : NN_InferredOp<"lower_triangle", (ins NN_F32Tensor:$input), [NN_Differentiable]> {
  let summary = "What is left of the diagonal in the square of the last two dimensions, row after row";
  let description = [{
    [.., n, n] becomes [.., n (n - 1) / 2]: the elements (1, 0), (2, 0), (2, 1), (3, 0), and so on.

    ```mlir
    %pairs = nn.lower_triangle %dots : (tensor<?x27x27xf32>) -> tensor<?x351xf32>
    ```
  }];
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

def NN_LinearOp : NN_InferredOp<"linear", (ins NN_F32Tensor:$input, NN_F32Tensor:$weight,
                                               Optional<NN_F32Tensor>:$bias,
    DefaultValuedAttr<NN_PrecisionAttr, "::heter::nn::Precision::F32">:$precision),
                                [NN_Differentiable]> {
  let summary = "input · weight + bias over the last dimension";
  let description = [{
    The input is [.., in], the weight [in, out], the bias [out]. With `precision(bf16)` input and weight are rounded
    to bf16 (nearest, ties to even) where they are multiplied; sums, bias and result are f32.
  }];
  let assemblyFormat = "operands `` custom<Precision>($precision) attr-dict `:` functional-type(operands, results)";
}

def NN_MatmulOp : NN_InferredOp<"matmul", (ins NN_F32Tensor:$lhs, NN_F32Tensor:$rhs,
    DefaultValuedAttr<BoolAttr, "false">:$transpose_a, DefaultValuedAttr<BoolAttr, "false">:$transpose_b,
    DefaultValuedAttr<NN_PrecisionAttr, "::heter::nn::Precision::F32">:$precision),
    [NN_Differentiable]> {
  let summary = "Matrix product";
  let description = [{
    Three forms. Rank 2 by rank 2; one dimension may be the batch, and `transpose_a` of two batches contracts over
    the examples. Rank n >= 3 by rank 2, without `transpose_a`: all leading dimensions are rows. Rank 3 by rank 3: a
    product for each entry of dimension 0. `transpose_a` and `transpose_b` swap the last two dimensions.
    `precision(bf16)` rounds the operands as in nn.linear.
  }];
  let assemblyFormat = "operands `` custom<Precision>($precision) attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

class NN_BinaryOp<string opMnemonic, list<Trait> traits = []>
    : NN_PureOp<opMnemonic, (ins NN_F32Tensor:$lhs, NN_F32Tensor:$rhs),
                !listconcat(traits, [Elementwise, NN_Pointwise, AllTypesMatch<["lhs", "rhs", "result"]>,
                                     NN_Differentiable])> {
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}
def NN_AddOp : NN_BinaryOp<"add", [Commutative, NN_Cheap]> { let summary = "lhs + rhs"; let hasFolder = 1; let hasCanonicalizeMethod = 1; }
def NN_SubOp : NN_BinaryOp<"sub", [NN_Cheap]> { let summary = "lhs - rhs"; let hasFolder = 1; let hasCanonicalizeMethod = 1; }
def NN_MulOp : NN_BinaryOp<"mul", [Commutative, NN_Cheap]> { let summary = "lhs * rhs"; let hasFolder = 1; }
def NN_DivOp : NN_BinaryOp<"div", [NN_Cheap]> { let summary = "lhs / rhs"; let hasFolder = 1; }

// Of optimizers and schedules, which nothing differentiates.
class NN_ChoiceOp<string opMnemonic>
    : NN_PureOp<opMnemonic, (ins NN_F32Tensor:$lhs, NN_F32Tensor:$rhs),
                [Elementwise, NN_Pointwise, NN_Cheap, Commutative, AllTypesMatch<["lhs", "rhs", "result"]>]> {
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}
def NN_MaximumOp : NN_ChoiceOp<"maximum"> { let summary = "The larger of lhs and rhs; NaN if either is NaN"; }
def NN_MinimumOp : NN_ChoiceOp<"minimum"> { let summary = "The smaller of lhs and rhs; NaN if either is NaN"; }
def NN_FloorOp : NN_PureOp<"floor", (ins NN_F32Tensor:$input),
                           [Elementwise, NN_Pointwise, NN_Cheap, AllTypesMatch<["input", "result"]>]> {
  let summary = "The largest whole number that is not above x";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}

class NN_UnaryOp<string opMnemonic, list<Trait> traits = []>
    : NN_PureOp<opMnemonic, (ins NN_F32Tensor:$input),
                !listconcat(traits, [Elementwise, NN_Pointwise, AllTypesMatch<["input", "result"]>, NN_Differentiable])> {
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($result)";
}
def NN_NegOp : NN_UnaryOp<"neg", [NN_Cheap]> { let summary = "-x"; let hasFolder = 1; }
def NN_ReluOp : NN_UnaryOp<"relu", [NN_Cheap]> { let summary = "max(x, 0)"; let hasFolder = 1; }
def NN_SigmoidOp : NN_UnaryOp<"sigmoid"> { let summary = "1 / (1 + exp(-x))"; }
def NN_TanhOp : NN_UnaryOp<"tanh"> { let summary = "Hyperbolic tangent"; }
def NN_ExpOp : NN_UnaryOp<"exp"> { let summary = "e to the power of x"; }
def NN_LogOp : NN_UnaryOp<"log"> { let summary = "Natural logarithm"; }
def NN_SquareOp : NN_UnaryOp<"square", [NN_Cheap]> { let summary = "x * x"; }
def NN_SqrtOp : NN_UnaryOp<"sqrt"> { let summary = "Square root"; }

def NN_CastOp : NN_PureOp<"cast", (ins RankedTensorOf<[I64, I1]>:$input),
                          [Elementwise, NN_Pointwise, InferTypeOpAdaptor]> {
  let summary = "An i64 or i1 tensor as f32";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def NN_CompareOp : NN_PureOp<"compare", (ins NN_ComparisonAttr:$comparison, NN_NumberTensor:$lhs, NN_NumberTensor:$rhs),
                             [Elementwise, NN_Pointwise, NN_Cheap, AllTypesMatch<["lhs", "rhs"]>, InferTypeOpAdaptor]> {
  let summary = "Whether lhs is gt, lt, ge, le, eq or ne to rhs";
  let description = [{
    A NaN is not equal to anything and compares with nothing: only `ne` holds of it.

    ```mlir
    %high = nn.compare gt %loss, %bound : tensor<f32>
    ```
  }];
  let results = (outs NN_BoolTensor:$result);
  let assemblyFormat = "$comparison $lhs `,` $rhs attr-dict `:` type($lhs)";
}

def NN_HashOp : NN_PureOp<"hash", (ins NN_I64Tensor:$input, StrAttr:$space),
                          [Elementwise, AllTypesMatch<["input", "result"]>]> {
  let summary = "Numbers as ids: each one's decimal text hashed with the salt `space`";
  let results = (outs NN_I64Tensor:$result);
  let assemblyFormat = "$input `space` `(` $space `)` attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

class NN_ReduceOp<string opMnemonic> : NN_InferredOp<opMnemonic, (ins NN_F32Tensor:$input, NN_Axes:$axes),
                                                             [NN_Differentiable]> {
  let description = "The dimensions in `axes` vanish; dimension 0 may be one of them: over the examples.";
  let assemblyFormat = "$input `axes` $axes attr-dict `:` functional-type(operands, results)";
}
def NN_ReduceSumOp : NN_ReduceOp<"reduce_sum"> { let summary = "Sum"; }
def NN_ReduceMeanOp : NN_ReduceOp<"reduce_mean"> { let summary = "Mean"; }
def NN_ReduceMaxOp : NN_ReduceOp<"reduce_max"> { let summary = "Maximum"; }

def NN_ArgmaxOp : NN_PureOp<"argmax", (ins NN_F32Tensor:$input, NN_Axis:$axis), [InferTypeOpAdaptor]> {
  let summary = "The index of the (first) maximum along one dimension, which vanishes and is not the batch";
  let results = (outs NN_I64Tensor:$result);
  let assemblyFormat = "$input `axis` `(` $axis `)` attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Layers and losses
//===----------------------------------------------------------------------===//

def NN_SoftmaxOp : NN_PureOp<"softmax", (ins NN_F32Tensor:$input, NN_Axis:$axis),
                             [AllTypesMatch<["input", "result"]>, NN_Differentiable]> {
  let summary = "exp(x - max) / sum(exp(x - max)) along one dimension, which is not the batch";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$input `axis` `(` $axis `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def NN_Below1 : AttrConstraint<And<[
    CPred<"::llvm::cast<::mlir::FloatAttr>($_self).getValueAsDouble() >= 0.0">,
    CPred<"::llvm::cast<::mlir::FloatAttr>($_self).getValueAsDouble() < 1.0">]>, "in [0, 1)">;
def NN_Rate : ConfinedAttr<F64Attr, [NN_Below1]>;

def NN_DropoutOp : NN_PureOp<"dropout", (ins NN_F32Tensor:$input, NN_Rate:$rate, StrAttr:$path),
                             [AllTypesMatch<["input", "result"]>, NN_Differentiable]> {
  let summary = "Zeros a random share `rate` of the elements and scales the rest by 1 / (1 - rate)";
  let description = [{
    What is kept is a function of the run's seed, `path`, the example's running number and the element's number
    within the example, so any division of the examples among machines gives the same. Dimension 0 is the batch.
  }];
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$input `rate` `(` $rate `)` `path` `(` $path `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def NN_LayerNormOp : NN_InferredOp<"layer_norm", (ins NN_F32Tensor:$input, NN_F32Tensor:$scale, NN_F32Tensor:$shift,
                                                      NN_Epsilon:$epsilon),
    [NN_Differentiable]> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + shift over the last dimension";
  let assemblyFormat = [{
    operands `epsilon` `(` $epsilon `)` attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SigmoidCrossEntropyOp : NN_PureOp<"sigmoid_cross_entropy", (ins NN_F32Tensor:$logit, NN_F32Tensor:$label),
                                         [Elementwise, NN_Pointwise, AllTypesMatch<["logit", "label", "result"]>,
                                          NN_Differentiable]> {
  let summary = "max(x, 0) - x z + log(1 + exp(-|x|)) of logit x and label z";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$logit `,` $label attr-dict `:` type($result)";
}

def NN_LogLossOp : NN_PureOp<"log_loss", (ins NN_F32Tensor:$input, NN_F32Tensor:$label, NN_Epsilon:$epsilon),
                             [Elementwise, NN_Pointwise, AllTypesMatch<["input", "label", "result"]>,
                              NN_Differentiable]> {
  let summary = "-z log(p + epsilon) - (1 - z) log(1 - p + epsilon) of probability p and label z";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$input `,` $label `epsilon` `(` $epsilon `)` attr-dict `:` type($result)";
}

def NN_Class : AnyTypeOf<[NN_F32Tensor, NN_I64Tensor], "f32 or i64 class numbers", "::mlir::RankedTensorType">;

def NN_SoftmaxCrossEntropyOp : NN_InferredOp<"softmax_cross_entropy", (ins NN_F32Tensor:$logits, NN_Class:$label),
    [NN_Differentiable]> {
  let summary = "log(sum(exp(x))) - x[label] over the last dimension";
  let description = "The class numbers have the logits' shape without its last dimension; f32 ones are rounded. The loss of "
                    "one that is no class is NaN, as is its gradient.";
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif // HETER_DIALECTS_NN_NNFORWARD_TD
