// The task dialect's definition, attributes and type constraints.
#ifndef HETER_DIALECTS_TASK_TASKDIALECT_TD
#define HETER_DIALECTS_TASK_TASKDIALECT_TD

include "dialects/task/TaskEnums.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Task_Dialect : Dialect {
  let name = "task";
  let cppNamespace = "::heter::task";
  let summary = "What one role executes";
  let description = [{
    The task dialect says what one role executes for one micro-batch: a graph of nodes, each a kernel call, a library
    call, a copy, a message or a read or write of parameters. Above it is the ps dialect, whose `ps.program`s say
    which operations a role has; below it is the package, whose nodes these operations mirror one to one. It exists so
    that what only the runtime needs to know (which group of operations is one kernel, which memory a value
    takes, which nodes wait for memory to become free) is decided, verified and printed by the compiler.

    A `task.program` is one role's graph for training or inference; its operations are the nodes in a legal order.
    Kernels are `func.func`s over nn operations beside the programs; native code is made of them. A tensor without an
    encoding is in host memory, one with the encoding `#task.device` in the memory of the role's device; only
    `task.copy` reads one and writes the other.

    Planning gives each program its `segments` (how many bytes a unit of each size symbol the frame needs), each
    result its slot in them, and each node the nodes `after` which it may start although it reads none of their
    results: they are the last users of the memory that it overwrites.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::heter::nn::NNDialect"];
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class Task_Attr<string name, string attrMnemonic> : AttrDef<Task_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Task_DeviceAttr : Task_Attr<"Device", "device"> {
  let summary = "The encoding of a tensor in device memory";
}

def Task_PackedAttr : Task_Attr<"Packed", "packed"> {
  let summary = "The encoding of a matrix of bf16 in tiles";
  let description = [{
    `tensor<?x400xbf16, #task.packed<left, host>>`: the matrix as the left or right factor of a product, it or
    its transpose, in tiles of 1 KB (docs/formats/package.md), in host or device memory. Only `task.pull_dense`,
    `task.copy` and the library's `pack` and `product` give and take such values.
  }];
  let parameters = (ins EnumParameter<Task_Packing>:$packing, EnumParameter<Task_Space>:$space);
  let assemblyFormat = "`<` $packing `,` $space `>`";
}

def Task_SegmentAttr : Task_Attr<"Segment", "segment"> {
  let summary = "One segment of a frame's memory";
  let description = [{
    `#task.segment<"B", host, 1600>`: host memory of 1600 bytes for each example, their number rounded up to 64. The
    symbol "" is memory of constant size.
  }];
  let parameters = (ins StringRefParameter<>:$symbol, EnumParameter<Task_Space>:$space, "int64_t":$bytes);
  let assemblyFormat = "`<` $symbol `,` $space `,` $bytes `>`";
  let genVerifyDecl = 1;
}
def Task_SegmentArrayAttr : TypedArrayAttrBase<Task_SegmentAttr, "array of memory segments">;

def Task_SlotAttr : Task_Attr<"Slot", "slot"> {
  let summary = "The memory of one value";
  let description = [{
    `#task.slot<1, 64, 1600>`: `bytes` a unit at `offset` bytes a unit of the segment with that index. Segment -1 is
    no place: whoever produces the value brings its memory.
  }];
  let parameters = (ins "int64_t":$segment, "int64_t":$offset, "int64_t":$bytes);
  let assemblyFormat = "`<` $segment `,` $offset `,` $bytes `>`";
  let genVerifyDecl = 1;
}
def Task_SlotArrayAttr : TypedArrayAttrBase<Task_SlotAttr, "array of memory slots">;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def Task_HostTensor : RankedTensorOf<[F32, I64, I1], [CPred<"::heter::nn::isValueShape($_self)">],
                                     "f32, i64 or i1 tensor in host memory">;
def Task_Tensor : RankedTensorOf<[F32, I64, I1], [CPred<"::heter::task::isTaskTensor($_self)">],
                                 "f32, i64 or i1 tensor in host or device memory">;
def Task_Packed : RankedTensorOf<[BF16], [CPred<"::heter::task::isPacked($_self)">], "packed bf16 matrix">;
def Task_HostPacked
    : RankedTensorOf<[BF16], [CPred<"::heter::task::isPacked($_self) && "
                                    "::heter::task::spaceOf($_self) == ::heter::task::Space::Host">],
                     "packed bf16 matrix in host memory">;
def Task_Ragged : Type<CPred<"::llvm::isa<::heter::nn::RaggedType>($_self)">, "ragged value">;
def Task_Rows : Type<CPred<"::llvm::isa<::heter::nn::RowsType>($_self)">, "sparse gradient">;
def Task_HostValue : AnyTypeOf<[Task_HostTensor, Task_Ragged, Task_Rows], "value in host memory">;
def Task_LibraryValue : AnyTypeOf<[Task_Tensor, Task_Packed, Task_Ragged, Task_Rows], "value in host or device memory">;
def Task_CopiedTensor : AnyTypeOf<[Task_Tensor, Task_Packed], "tensor in host or device memory">;
def Task_Value : AnyTypeOf<[Task_Tensor, Task_Ragged, Task_Rows], "value in host or device memory">;
def Task_Condition
    : Type<CPred<"$_self == ::mlir::RankedTensorType::get({}, ::mlir::IntegerType::get($_self.getContext(), 1))">,
           "tensor<i1> in host memory", "::mlir::RankedTensorType">,
      BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI1Type())">;

#endif // HETER_DIALECTS_TASK_TASKDIALECT_TD
