// The interfaces of the nn dialect: what differentiation and placement need to know of an operation. Other dialects'
// operations implement PlaceableOpInterface as well.
#ifndef HETER_DIALECTS_NN_NNINTERFACES_TD
#define HETER_DIALECTS_NN_NNINTERFACES_TD

include "mlir/IR/OpBase.td"

def NN_DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::heter::nn";
  let description = [{
    An operation with one result and a gradient. An operation with an f32 result that lacks this interface stops
    reverse differentiation with an error where a parameter needs the gradient behind it.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds, at the builder's insertion point, the gradients of the loss with respect to the operands, given
      `resultGradient`, that of the result (the result's type). `wanted` has an entry an operand; for each true one
      `gradients` (as many entries, all null at first) receives a value of the operand's type, or stays null where
      the gradient is zero. New operations take the location `getLoc()`; the caller copies the place.
    }], "void", "buildGradient",
        (ins "::mlir::OpBuilder &":$builder, "::mlir::Value":$resultGradient, "::llvm::ArrayRef<bool>":$wanted,
             "::llvm::MutableArrayRef<::mlir::Value>":$gradients)>,
  ];
}

def NN_PlaceableOpInterface : OpInterface<"PlaceableOpInterface"> {
  let cppNamespace = "::heter::nn";
  let description = [{
    An operation that one role executes, and that carries the role and the reason as its inherent attribute `place`.
    Rewrites must keep it; `heter::nn::PlaceKeeper` does that as a listener.
  }];
  let methods = [
    InterfaceMethod<"The place, or null before it is known.", "::heter::nn::PlaceAttr", "getPlaceAttr">,
    InterfaceMethod<"Sets the place.", "void", "setPlaceAttr", (ins "::heter::nn::PlaceAttr":$place)>,
  ];
}

#endif // HETER_DIALECTS_NN_NNINTERFACES_TD
