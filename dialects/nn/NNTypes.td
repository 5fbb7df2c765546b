// The nn dialect's types, and the constraints that say which tensors are values of a model.
#ifndef HETER_DIALECTS_NN_NNTYPES_TD
#define HETER_DIALECTS_NN_NNTYPES_TD

include "dialects/nn/NNDialect.td"

class NN_Type<string name, string typeMnemonic> : TypeDef<NN_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def NN_RaggedType : NN_Type<"Ragged", "ragged"> {
  let summary = "A list of each example's own length";
  let description = [{
    `!nn.ragged<"seen", 9xf32>`: for each example a list of f32[9]. The first parameter names the length: two ragged
    values with the same name have the same length in every example. At run time it is elements and row offsets.
  }];
  let parameters = (ins StringRefParameter<>:$length, ArrayRefParameter<"int64_t">:$shape,
                    "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $length `,` custom<ShapedElement>($shape, $elementType) `>`";
  let genVerifyDecl = 1;
}

def NN_RowsType : NN_Type<"Rows", "rows"> {
  let summary = "The sparse gradient of a table part";
  let description = "`!nn.rows<9>`: unique keys with one f32[9] row each, already summed by key; of dim 0: keys.";
  let parameters = (ins "int64_t":$dim);
  let assemblyFormat = "`<` $dim `>`";
  let genVerifyDecl = 1;
}

// As a constraint of its own, so that operations print the whole type.
def NN_Rows : Type<CPred<"::llvm::isa<::heter::nn::RowsType>($_self)">, "!nn.rows">;

class NN_TensorOf<list<Type> elements> : RankedTensorOf<elements, [CPred<"::heter::nn::isValueShape($_self)">],
                                                        "tensor, dynamic in dimension 0 at most,">;
def NN_F32Tensor : NN_TensorOf<[F32]>;
def NN_I64Tensor : NN_TensorOf<[I64]>;
def NN_BoolTensor : NN_TensorOf<[I1]>;
def NN_NumberTensor : NN_TensorOf<[F32, I64]>;
def NN_AnyTensor : NN_TensorOf<[F32, I64, I1]>;
def NN_ScalarTensor : Type<And<[NN_F32Tensor.predicate, HasAnyRankOfPred<[0]>]>, "tensor<f32>",
                           "::mlir::RankedTensorType">,
                      BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getF32Type())">;
def NN_Condition
    : Type<CPred<"$_self == ::mlir::RankedTensorType::get({}, ::mlir::IntegerType::get($_self.getContext(), 1))">,
           "tensor<i1>", "::mlir::RankedTensorType">,
      BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI1Type())">;
def NN_Ids : AnyTypeOf<[NN_I64Tensor, NN_RaggedType], "i64 tensor or ragged ids">;
def NN_Value : AnyTypeOf<[NN_AnyTensor, NN_RaggedType], "value of a model (tensor or ragged)">;

#endif // HETER_DIALECTS_NN_NNTYPES_TD
