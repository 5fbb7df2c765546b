// Operations of the nn dialect that gradients are made of, beside those of NNForward.td.
#ifndef HETER_DIALECTS_NN_NNBACKWARD_TD
#define HETER_DIALECTS_NN_NNBACKWARD_TD

include "dialects/nn/NNBase.td"
include "dialects/nn/NNForward.td"

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

#endif // HETER_DIALECTS_NN_NNBACKWARD_TD
