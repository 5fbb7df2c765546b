// The nn dialect's operations: symbols, programs, forward operations, the helpers of backward ones, and what a program
// does at its end.
#ifndef HETER_DIALECTS_NN_NNOPS_TD
#define HETER_DIALECTS_NN_NNOPS_TD

include "dialects/nn/NNInterfaces.td"
include "dialects/nn/NNTypes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class NN_Op<string opMnemonic, list<Trait> traits = []> : Op<NN_Dialect, opMnemonic, traits>;

// An operation of a program: it carries the place that executes it.
class NN_PlacedOp<string opMnemonic, dag args, list<Trait> traits = []>
    : NN_Op<opMnemonic, !listconcat(traits, [NN_PlaceableOpInterface])> {
  let arguments = !con(args, (ins OptionalAttr<NN_PlaceAttr>:$place));
}

class NN_PureOp<string opMnemonic, dag args, list<Trait> traits = []>
    : NN_PlacedOp<opMnemonic, args, !listconcat([Pure], traits)>;

// An operation whose result type follows from its operands and attributes; the rules are in inferReturnTypes, which
// the verifier uses too.
class NN_InferredOp<string opMnemonic, dag args, list<Trait> traits = []>
    : NN_PureOp<opMnemonic, args, !listconcat(traits, [InferTypeOpAdaptor])> {
  let results = (outs NN_F32Tensor:$result);
}

// Of elementwise operations and the like: see heter::nn::Pointwise and Cheap.
def NN_Pointwise : NativeOpTrait<"Pointwise"> { let cppNamespace = "::heter::nn"; }
def NN_Cheap : NativeOpTrait<"Cheap"> { let cppNamespace = "::heter::nn"; }
def NN_Differentiable : DeclareOpInterfaceMethods<NN_DifferentiableOpInterface>;
def NN_Axis : ConfinedAttr<I64Attr, [IntNonNegative]>;
def NN_Axes : ConfinedAttr<DenseI64ArrayAttr, [DenseArrayNonNegative<DenseI64ArrayAttr>,
                                               DenseArrayStrictlySorted<DenseI64ArrayAttr>]>;
def NN_Positive : AttrConstraint<CPred<"::llvm::cast<::mlir::FloatAttr>($_self).getValueAsDouble() > 0.0">,
                                 "that is positive">;
def NN_Epsilon : ConfinedAttr<F64Attr, [NN_Positive]>;

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

def NN_TableOp : NN_Op<"table", [Symbol]> {
  let summary = "A table of rows keyed by 64-bit ids";
  let description = [{
    Rows come into being on their first update; a lookup of a missing one reads its first value. A row has one part,
    named "", or several named ones.

    ```mlir
    nn.table @emb [#nn.part<"", 9, #nn.init<"uniform", 1.0e-02>, #nn.optimizer<"adagrad", {lr = 5.0e-02 : f64}>>]
    ```

    `policy` says how rows are scored and which are kept. Its rules, each at most once:

    - `show_click` (text `clicks`, the label that says how often an example was clicked; numbers `show`, `click` and
      `decay`): a row's shows and clicks are counted, and are `decay` of themselves after a period. Its score is
      (shows - clicks) * show + clicks * click.
    - `period` (number `steps` or `seconds`): how long a period is.
    - `unseen` (number `periods`): rows without a push for more periods go.
    - `score` (number `least`): rows that score less go.
    - `memory` (number `bytes`): what the table's rows take at most, on all servers together.
    - `ssd`: what has no room in memory goes there; without it, the rows that score least go.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, NN_PartArrayAttr:$parts, OptionalAttr<NN_RuleArrayAttr>:$policy);
  let assemblyFormat = "$sym_name $parts (`policy` $policy^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The part called `name`, or null.
    PartAttr findPart(::llvm::StringRef name);
    /// The rule of the policy of that kind, or null.
    RuleAttr findRule(::llvm::StringRef kind);
    /// The part whose pushes count shows and clicks: the first without admission, or else the first.
    PartAttr getCountingPart();
  }];
}

def NN_ParameterOp : NN_Op<"parameter", [Symbol]> {
  let summary = "A dense parameter";
  let description = [{
    The symbol's name is the parameter's path in checkpoints. Differentiation sets `optimizer` from `nn.minimize`;
    distribution sets `updater`, the function that applies it.

    ```mlir
    nn.parameter @deep.0.weight : tensor<247x400xf32> init #nn.init<"uniform", 6.36e-02>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<NN_F32Tensor>:$type, NN_InitAttr:$init,
                       OptionalAttr<NN_OptimizerAttr>:$optimizer, OptionalAttr<FlatSymbolRefAttr>:$updater);
  let assemblyFormat = [{
    $sym_name `:` $type `init` $init (`optimizer` $optimizer^)? (`updater` `(` $updater^ `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

def NN_ProgramOp : NN_Op<"program", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "What is computed for each micro-batch";
  let description = [{
    One block of operations in SSA form, executed once for every micro-batch. `@train` computes the loss in training
    form, the reports, and minimizes (later: updates); `@infer` computes the same reports without dropout; `@predict`
    computes the predictions without any label, and is absent if the model predicts nothing. Reports have distinct
    names, and so have predictions; inputs of one name have one type.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name)>];
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

def NN_InputOp : NN_PureOp<"input", (ins StrAttr:$name, UnitAttr:$label)> {
  let summary = "An input of the model";
  let description = [{
    The micro-batch's values of the input called `name`: a tensor whose dimension 0 is B, or a ragged value. `label`
    marks what is absent when predicting.

    ```mlir
    %click = nn.input "click" label : tensor<?xf32>
    ```
  }];
  let results = (outs NN_Value:$result);
  let assemblyFormat = "$name (`label` $label^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def NN_ConstantOp : NN_PureOp<"constant", (ins ElementsAttr:$value),
                              [ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "A constant";
  let results = (outs NN_AnyTensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
  let builders = [OpBuilder<(ins "double":$scalar, "::heter::nn::PlaceAttr":$place)>];
}

def NN_ParamOp : NN_PureOp<"param", (ins FlatSymbolRefAttr:$parameter),
                           [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a dense parameter, in the version that the micro-batch has pinned";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def NN_LookupOp : NN_PureOp<"lookup",
    (ins FlatSymbolRefAttr:$table, StrAttr:$part, NN_Ids:$ids,
         DefaultValuedAttr<NN_PoolAttr, "::heter::nn::Pool::None">:$pool),
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The rows of ids in one part of a table";
  let description = [{
    Without pooling the result has the ids' shape with the part's dim appended. `pool` sums or averages over the last
    dimension of the ids, which must not be the batch; ragged ids have to be pooled (an empty list gives zeros).

    ```mlir
    %v = nn.lookup @fm part("vector") (%slots) : tensor<?x26xi64> -> tensor<?x26x9xf32>
    %u = nn.lookup @emb part("") (%seen) pool(mean) : !nn.ragged<"seen", i64> -> tensor<?x9xf32>
    ```
  }];
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = [{
    $table `part` `(` $part `)` `(` $ids `)` `` custom<Pool>($pool) attr-dict `:` type($ids) `->` type($result)
  }];
  let hasVerifier = 1;
}

def NN_ExampleCountOp : NN_PureOp<"example_count", (ins)> {
  let summary = "The number B of examples of the micro-batch, as f32";
  let results = (outs NN_ScalarTensor:$result);
  let assemblyFormat = "attr-dict";
}

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
  let description = "The class numbers have the logits' shape without its last dimension; f32 ones are rounded.";
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Backward helpers. Other gradients are composed of plain operations.
//===----------------------------------------------------------------------===//

def NN_ReluGradOp : NN_PureOp<"relu_grad", (ins NN_F32Tensor:$gradient, NN_F32Tensor:$output),
                              [Elementwise, NN_Pointwise, NN_Cheap, AllTypesMatch<["gradient", "output", "result"]>]> {
  let summary = "gradient where output > 0, else 0";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$gradient `,` $output attr-dict `:` type($result)";
}

def NN_MaxGradOp : NN_InferredOp<"max_grad", (ins NN_F32Tensor:$gradient, NN_F32Tensor:$input, NN_F32Tensor:$output,
                                                  NN_Axes:$axes)> {
  let summary = "The gradient of reduce_max: `gradient` in equal shares to the elements equal to the maximum";
  let assemblyFormat = "operands `axes` $axes attr-dict `:` functional-type(operands, results)";
}

def NN_LowerTriangleGradOp : NN_InferredOp<"lower_triangle_grad", (ins NN_F32Tensor:$gradient)> {
  let summary = "The gradient of lower_triangle: its elements back in their places, zeros elsewhere";
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
}

def NN_SoftmaxGradOp : NN_PureOp<"softmax_grad", (ins NN_F32Tensor:$gradient, NN_F32Tensor:$output, NN_Axis:$axis),
                                 [AllTypesMatch<["gradient", "output", "result"]>]> {
  let summary = "output * (gradient - sum(gradient * output)) along one dimension, which is not the batch";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$gradient `,` $output `axis` `(` $axis `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def NN_LayerNormGradOp : NN_InferredOp<"layer_norm_grad", (ins NN_F32Tensor:$gradient, NN_F32Tensor:$input,
                                                               NN_F32Tensor:$scale, NN_Epsilon:$epsilon)> {
  let summary = "The gradient of layer_norm for its input";
  let description = [{
    With d the last dimension's size, r = 1 / sqrt(variance + epsilon), x^ = (x - mean) r and g = gradient * scale:
    r (g - sum(g) / d - x^ sum(g x^) / d).
  }];
  let assemblyFormat = [{
    operands `epsilon` `(` $epsilon `)` attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SoftmaxCrossEntropyGradOp : NN_InferredOp<"softmax_cross_entropy_grad",
    (ins NN_F32Tensor:$gradient, NN_F32Tensor:$logits, NN_Class:$label)> {
  let summary = "(softmax(logits) - onehot(label)) * gradient";
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def NN_DropoutGradOp : NN_PureOp<"dropout_grad", (ins NN_F32Tensor:$gradient, NN_Rate:$rate, StrAttr:$path),
                                 [AllTypesMatch<["gradient", "result"]>]> {
  let summary = "The gradient of dropout: the same mask and scale as the forward operation of the same path";
  let results = (outs NN_F32Tensor:$result);
  let assemblyFormat = "$gradient `rate` `(` $rate `)` `path` `(` $path `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def NN_LookupGradOp : NN_PureOp<"lookup_grad",
    (ins NN_Ids:$ids, NN_F32Tensor:$gradient, DefaultValuedAttr<NN_PoolAttr, "::heter::nn::Pool::None">:$pool),
    [InferTypeOpAdaptor]> {
  let summary = "The gradient of a lookup: one row for each distinct id, summed over its occurrences";
  let results = (outs NN_Rows:$result);
  let assemblyFormat = [{
    $ids `,` $gradient `` custom<Pool>($pool) attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AddRowsOp : NN_PureOp<"add_rows", (ins NN_Rows:$lhs, NN_Rows:$rhs),
                             [AllTypesMatch<["lhs", "rhs", "result"]>]> {
  let summary = "The sum of two sparse gradients: the union of the keys";
  let results = (outs NN_Rows:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Operations with regions. One role executes a region whole.
//===----------------------------------------------------------------------===//

class NN_RegionOp<string opMnemonic, dag args, list<Trait> traits = []>
    : NN_PureOp<opMnemonic, args, !listconcat([SingleBlockImplicitTerminator<"YieldOp">], traits)> {
  let results = (outs Variadic<NN_AnyTensor>:$results);
  let hasRegionVerifier = 1;
}

def NN_IfOp : NN_RegionOp<"if", (ins NN_Condition:$condition), [NoRegionArguments]> {
  let summary = "One of two computations, chosen once a micro-batch";
  let description = [{
    Executes the region that the condition chooses; its yielded values are the results. Regions use values from around
    them and hold operations that compute tensors: inputs, parameters and rows are read outside, reports and updates
    are made outside. There is no gradient: the loss cannot depend on a parameter through it.

    ```mlir
    %r = nn.if %high -> tensor<f32> {
      %half = nn.mul %loss, %c : tensor<f32>
      nn.yield %half : tensor<f32>
    } else {
      nn.yield %loss : tensor<f32>
    }
    ```
  }];
  let regions = (region SizedRegion<1>:$then_region, SizedRegion<1>:$else_region);
  let assemblyFormat = [{
    $condition (`->` type($results)^)? attr-dict-with-keyword $then_region `else` $else_region
  }];
}

def NN_WhileOp : NN_RegionOp<"while", (ins Variadic<NN_AnyTensor>:$carried,
                                           ConfinedAttr<I64Attr, [IntNonNegative]>:$limit)> {
  let summary = "A computation again and again, as often for all examples of the micro-batch";
  let description = [{
    While the condition region yields true, and at most `limit` times, the body region makes the next carried values of
    the last ones. Both regions take the carried values as arguments; the results are the last ones, so the first
    ones if the condition never holds. What regions may hold is said at nn.if.

    ```mlir
    %r = nn.while (%x) limit(8) : (tensor<f32>) -> tensor<f32> {
    ^bb0(%a: tensor<f32>):
      %more = nn.compare lt %a, %bound : tensor<f32>
      nn.yield %more : tensor<i1>
    } do {
    ^bb0(%a: tensor<f32>):
      %twice = nn.add %a, %a : tensor<f32>
      nn.yield %twice : tensor<f32>
    }
    ```
  }];
  let regions = (region SizedRegion<1>:$condition_region, SizedRegion<1>:$body_region);
  let assemblyFormat = [{
    `(` $carried `)` `limit` `(` $limit `)` `:` functional-type($carried, $results) attr-dict-with-keyword
    $condition_region `do` $body_region
  }];
  let hasVerifier = 1;
}

def NN_YieldOp : NN_Op<"yield", [Terminator, Pure, ParentOneOf<["IfOp", "WhileOp"]>]> {
  let summary = "The values that a region ends with";
  let arguments = (ins Variadic<NN_AnyTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}

//===----------------------------------------------------------------------===//
// Effects
//===----------------------------------------------------------------------===//

def NN_Norm : ConfinedAttr<F64Attr, [NN_Positive]>;

def NN_MinimizeOp : NN_PlacedOp<"minimize", (ins NN_ScalarTensor:$loss, NN_OptimizerAttr:$optimizer,
                                                 OptionalAttr<NN_Norm>:$clip,
                                                 OptionalAttr<NN_Norm>:$clip_value)> {
  let summary = "Asks for the gradient of `loss` and an update of all parameters; removed by differentiation";
  let description = [{
    With `clip`, the gradients of the dense parameters together are scaled down to that global norm where theirs is
    larger: the norm of the mean gradient over the micro-batch's examples. With `clip_value`, each element of that mean
    gradient is kept between -clip_value and clip_value. Gradients of rows are not clipped.

    ```mlir
    nn.minimize %loss with #nn.optimizer<"adam", {lr = 1.0e-3 : f64}> clip(1.0e+1)
    ```
  }];
  let assemblyFormat = [{
    $loss `with` $optimizer (`clip` `(` $clip^ `)`)? (`clip_value` `(` $clip_value^ `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

def NN_UpdateOp : NN_PlacedOp<"update", (ins FlatSymbolRefAttr:$parameter, NN_F32Tensor:$gradient),
                              [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Updates a dense parameter by the sum of its gradients over the micro-batch's examples";
  let description = [{
    The gradient is that of the mean loss times B; the parameter's owner divides the sum over all micro-batches of a
    step by the step's number of examples.
  }];
  let assemblyFormat = "$parameter `,` $gradient attr-dict `:` type($gradient)";
}

def NN_UpdateRowsOp : NN_PlacedOp<"update_rows", (ins FlatSymbolRefAttr:$table, StrAttr:$part, NN_Rows:$rows,
                                                  Optional<NN_Rows>:$counts),
                                  [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Updates rows of one part of a table; the scale is that of nn.update";
  let description = [{
    `counts` are the shows and clicks of the same keys, in the same order: those of the counting part of a table that
    scores its rows, and of no other.

    ```mlir
    nn.update_rows @emb part("") %rows counts(%shown) : !nn.rows<9>, !nn.rows<2>
    ```
  }];
  let assemblyFormat = [{
    $table `part` `(` $part `)` $rows (`counts` `(` $counts^ `)`)? attr-dict `:` type($rows) (`,` type($counts)^)?
  }];
}

def NN_ReportOp : NN_PlacedOp<"report", (ins StrAttr:$metric, StrAttr:$name, Variadic<NN_AnyTensor>:$values)> {
  let summary = "Reports a metric under a name";
  let description = [{
    Metric `loss` takes a scalar, averaged over examples; `auc` takes the predictions and the labels, each f32 with
    one value an example (tensor<?xf32> or tensor<?x1xf32>).

    ```mlir
    nn.report "auc" name("auc") (%p, %click) : tensor<?xf32>, tensor<?xf32>
    ```
  }];
  let assemblyFormat = "$metric `name` `(` $name `)` `(` $values `)` attr-dict `:` type($values)";
  let hasVerifier = 1;
}

def NN_PredictOp : NN_PlacedOp<"predict", (ins StrAttr:$name, NN_AnyTensor:$value)> {
  let summary = "Gives a value of each example out as the prediction called `name`";
  let assemblyFormat = "$name `(` $value `)` attr-dict `:` type($value)";
  let hasVerifier = 1;
}

#endif // HETER_DIALECTS_NN_NNOPS_TD
