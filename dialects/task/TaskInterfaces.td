// The interface of everything that stands for a node of a role's graph.
#ifndef HETER_DIALECTS_TASK_TASKINTERFACES_TD
#define HETER_DIALECTS_TASK_TASKINTERFACES_TD

include "mlir/IR/OpBase.td"

def Task_NodeOpInterface : OpInterface<"NodeOpInterface"> {
  let cppNamespace = "::heter::task";
  let description = [{
    A node of a role's graph. Its number is its position among the operations of its block.
  }];
  let methods = [
    InterfaceMethod<"What it computes, for people.", "::mlir::StringAttr", "getLabelAttr">,
    InterfaceMethod<"The numbers of the nodes after which it may start, besides those whose results it reads.",
                    "::mlir::DenseI32ArrayAttr", "getAfterAttr">,
    InterfaceMethod<"Sets them.", "void", "setAfterAttr", (ins "::mlir::DenseI32ArrayAttr":$after)>,
    InterfaceMethod<"The memory of each result, or null before planning.", "::mlir::ArrayAttr", "getSlotsAttr">,
    InterfaceMethod<"Sets it.", "void", "setSlotsAttr", (ins "::mlir::ArrayAttr":$slots)>,
  ];
}

#endif // HETER_DIALECTS_TASK_TASKINTERFACES_TD
