// Operations of the nn dialect that have regions, and what a program does at its end.
#ifndef HETER_DIALECTS_NN_NNEFFECTS_TD
#define HETER_DIALECTS_NN_NNEFFECTS_TD

include "dialects/nn/NNBase.td"

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

#endif // HETER_DIALECTS_NN_NNEFFECTS_TD
