// What the definitions of the nn dialect's operations share: their classes, traits and constraints.
#ifndef HETER_DIALECTS_NN_NNBASE_TD
#define HETER_DIALECTS_NN_NNBASE_TD

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

#endif // HETER_DIALECTS_NN_NNBASE_TD
