// The operations of the task dialect: a role's program, its nodes, and the optimizers that owners of parameters run.
#ifndef HETER_DIALECTS_TASK_TASKOPS_TD
#define HETER_DIALECTS_TASK_TASKOPS_TD

include "dialects/nn/NNDialect.td"
include "dialects/task/TaskDialect.td"
include "dialects/task/TaskInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Task_OpBase<string mnemonic, list<Trait> traits = []> : Op<Task_Dialect, mnemonic, traits>;

// A node of a role's graph: `head` and `tail` are its own parts of the syntax, `own` its own operands and attributes.
class Task_Node<string mnemonic, string head, string tail, list<Trait> traits = []>
    : Task_OpBase<mnemonic, [Task_NodeOpInterface] # traits> {
  dag own = (ins);
  let arguments = !con(own, (ins StrAttr:$label, OptionalAttr<DenseI32ArrayAttr>:$after,
                                 OptionalAttr<Task_SlotArrayAttr>:$slots));
  let assemblyFormat = head # " `named` $label (`after` $after^)? (`at` $slots^)? attr-dict " # tail;
}

//===----------------------------------------------------------------------===//
// Module level
//===----------------------------------------------------------------------===//

def Task_ProgramOp : Task_OpBase<"program", [Symbol, IsolatedFromAbove, HasParent<"::mlir::ModuleOp">,
                                             NoTerminator, SingleBlock]> {
  let summary = "What one role executes for one micro-batch";
  let description = [{
    One role's graph, `train` or `infer`, in nodes. `class` is the device class that runs its kernels. `segments`
    is the memory of a frame, once planned.

    ```mlir
    task.program @"cpu-trainer.train" role("cpu-trainer") graph("train") class("cpu")
        segments [#task.segment<"", host, 64>, #task.segment<"B", host, 1600>] { ... }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$role, StrAttr:$graph, StrAttr:$device_class,
                       OptionalAttr<Task_SegmentArrayAttr>:$segments);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `role` `(` $role `)` `graph` `(` $graph `)` `class` `(` $device_class `)` (`segments` $segments^)?
    attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
  let hasVerifier = 1;
}

def Task_ScheduleOp : Task_OpBase<"schedule", [Symbol, HasParent<"::mlir::ModuleOp">,
                                               DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A learning rate as the owner of parameters computes it, once a step";
  let description = [{
    Kernel `callee` computes the rate from the number of steps closed before.

    ```mlir
    task.schedule @warmup_0 "warmup" callee(@warmup_rate_0)
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, FlatSymbolRefAttr:$callee);
  let assemblyFormat = "$sym_name $kind `callee` `(` $callee `)` attr-dict";
}

def Task_OptimizerOp : Task_OpBase<"optimizer", [Symbol, HasParent<"::mlir::ModuleOp">,
                                                 DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "An optimizer as the owner of parameters runs it";
  let description = [{
    Kernel `callee` computes (value, slots.., scalars.., gradient) -> (value, slots.., scalars..) for n elements,
    where slots are as long as the value and scalars are single numbers. Slots and scalars begin at their first values.
    With `rate`, the value of that schedule is the last input. The slot `averaged` stands for the value in tests and
    predictions.

    ```mlir
    task.optimizer @adagrad_0 "adagrad" callee(@adagrad_0.kernel) slots ["accumulator"] begin [0.0]
        scalars [] begin []
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, FlatSymbolRefAttr:$callee, StrArrayAttr:$slots,
                       F64ArrayAttr:$slot_init, StrArrayAttr:$scalars, F64ArrayAttr:$scalar_init,
                       OptionalAttr<FlatSymbolRefAttr>:$rate, OptionalAttr<StrAttr>:$averaged);
  let assemblyFormat = [{
    $sym_name $kind `callee` `(` $callee `)` `slots` $slots `begin` $slot_init `scalars` $scalars `begin` $scalar_init
    (`rate` `(` $rate^ `)`)? (`averaged` `(` $averaged^ `)`)? attr-dict
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Nodes that read and write what is outside of the graph
//===----------------------------------------------------------------------===//

def Task_InputOp : Task_Node<"input", "$name (`label` $is_label^)?", "`:` type($result)"> {
  let summary = "Brings the micro-batch's values of an input";
  let description = "Inputs marked `label` are absent when predicting.";
  let own = (ins StrAttr:$name, UnitAttr:$is_label);
  let results = (outs Task_HostValue:$result);
}

def Task_PullRowsOp : Task_Node<"pull_rows", "$table `part` `(` $part `)` `(` $keys `)`",
                                "`:` functional-type($keys, $result)",
                                [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Reads rows of a table by their keys";
  let description = "`keys` are rows of dim 0: what the library's unique_keys gives.";
  let own = (ins FlatSymbolRefAttr:$table, StrAttr:$part, Task_Rows:$keys);
  let results = (outs Task_Rows:$result);
  let hasVerifier = 1;
}

def Task_PullDenseOp : Task_Node<"pull_dense", "$parameter", "`:` type($result)",
                                 [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Reads a dense parameter, in the version that the frame has pinned";
  let description = "A packed result is made once a version, not once a frame.";
  let own = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs AnyTypeOf<[Task_HostTensor, Task_HostPacked]>:$result);
}

def Task_PushRowsOp : Task_Node<"push_rows", "$table `part` `(` $part `)` `(` $rows (`,` $counts^)? `)`",
                                "`:` type($rows) (`,` type($counts)^)?",
                                [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Hands a sparse gradient, and perhaps counts of shows and clicks, to the owner of the table";
  let own = (ins FlatSymbolRefAttr:$table, StrAttr:$part, Task_Rows:$rows, Optional<Task_Rows>:$counts);
}

def Task_PushDenseOp
    : Task_Node<"push_dense", "$parameter `(` $gradient `)` (`update_after` $update_after^)?", "`:` type($gradient)",
                [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Hands a gradient, summed over the micro-batch, to the owner of the parameter";
  let description = [{
    With `update_after`, in a local program, the product that makes the gradient may update the parameter block by
    block while it runs, in runs whose frames are whole steps: it starts after the nodes listed, which are all that read
    the parameter, and the gradient then has no memory.

    ```mlir
    task.push_dense @deep.0.weight(%g) update_after [0, 4] named "push deep.0.weight" : tensor<4096x2048xf32>
    ```
  }];
  let own = (ins FlatSymbolRefAttr:$parameter, Task_HostTensor:$gradient,
                 OptionalAttr<DenseI32ArrayAttr>:$update_after);
}

def Task_SendOp : Task_Node<"send", "$channel `(` $values `)`", "`:` type($values)",
                            [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Sends values over a channel, in one message";
  let own = (ins FlatSymbolRefAttr:$channel, Variadic<Task_HostValue>:$values);
}

def Task_RecvOp : Task_Node<"recv", "$channel", "`:` type($results)",
                            [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Receives the values of a channel's message";
  let own = (ins FlatSymbolRefAttr:$channel);
  let results = (outs Variadic<Task_HostValue>:$results);
}

def Task_ReportOp : Task_Node<"report", "$metric $name `(` $values `)`", "`:` type($values)"> {
  let summary = "Hands values to a metric";
  let own = (ins StrAttr:$metric, StrAttr:$name, Variadic<Task_HostTensor>:$values);
}

def Task_PredictOp : Task_Node<"predict", "$name `(` $value `)`", "`:` type($value)"> {
  let summary = "Hands out a prediction";
  let own = (ins StrAttr:$name, Task_HostTensor:$value);
}

//===----------------------------------------------------------------------===//
// Nodes that compute
//===----------------------------------------------------------------------===//

def Task_KernelOp : Task_Node<"kernel", "$callee `(` $inputs `)`", "`:` functional-type($inputs, $results)",
                              [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Calls a generated kernel";
  let description = [{
    `callee` is a `func.func` over nn operations, whose types are those of the call without the memory space. All
    values of one call are in one space.
  }];
  let own = (ins FlatSymbolRefAttr:$callee, Variadic<Task_Tensor>:$inputs);
  let results = (outs Variadic<Task_Tensor>:$results);
  let hasVerifier = 1;
}

def Task_LibraryOp : Task_Node<"library", "$callee `(` $inputs `)` (`options` $options^)?",
                               "`:` functional-type($inputs, $results)"> {
  let summary = "Calls a kernel of the runtime's library";
  let description = [{
    `callee` is one of the library's functions, which docs/formats/package.md lists; the verifier knows them and how
    many inputs each takes; `unique_keys` has two results an input; `pack`, `product` and a few others one result or
    more, all others one. `options` are the function's own: i64, f64, text, i64 array or bool. All tensors of one call
    are in one space.
  }];
  let own = (ins StrAttr:$callee, Variadic<Task_LibraryValue>:$inputs, OptionalAttr<DictionaryAttr>:$options);
  let results = (outs Variadic<Task_LibraryValue>:$results);
  let hasVerifier = 1;
}

def Task_CopyOp : Task_Node<"copy", "$input", "`:` type($input) `to` type($result)"> {
  let summary = "Copies a tensor between host and device memory";
  let own = (ins Task_CopiedTensor:$input);
  let results = (outs Task_CopiedTensor:$result);
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Nodes with graphs of their own
//===----------------------------------------------------------------------===//

def Task_IfOp : Task_Node<"if", "$condition `(` $captured `)`", [{
    `:` functional-type($captured, $results) (`segments` $then_segments^)? $then_graph
    `else` (`segments` $else_segments^)? $else_graph
  }], [IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "Runs one of two graphs";
  let description = [{
    Both graphs take the captured values as their arguments and yield the results. The branch's results are copied
    to the node's own.
  }];
  let own = (ins Task_Condition:$condition, Variadic<Task_Value>:$captured,
                       OptionalAttr<Task_SegmentArrayAttr>:$then_segments,
                       OptionalAttr<Task_SegmentArrayAttr>:$else_segments);
  let results = (outs Variadic<Task_Tensor>:$results);
  let regions = (region SizedRegion<1>:$then_graph, SizedRegion<1>:$else_graph);
  let hasRegionVerifier = 1;
}

def Task_WhileOp : Task_Node<"while", [{
    `(` $carried `)` `captured` `(` $captured `)` `limit` `(` $limit `)`
  }], [{
    `:` functional-type(operands, $results) (`segments` $condition_segments^)? $condition_graph
    `do` (`segments` $body_segments^)? $body_graph
  }], [AttrSizedOperandSegments, IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "Runs a graph again and again";
  let description = [{
    While the condition graph yields true, and at most `limit` times, the body graph makes the next carried values
    of the last ones. Both graphs take the carried and then the captured values as arguments; the results are the
    last carried values. A round's memory stays until the next round has ended: two slots a carried value.
  }];
  let own = (ins Variadic<Task_Tensor>:$carried, Variadic<Task_Value>:$captured, I64Attr:$limit,
                       OptionalAttr<Task_SegmentArrayAttr>:$condition_segments,
                       OptionalAttr<Task_SegmentArrayAttr>:$body_segments);
  let results = (outs Variadic<Task_Tensor>:$results);
  let regions = (region SizedRegion<1>:$condition_graph, SizedRegion<1>:$body_graph);
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Task_YieldOp : Task_OpBase<"yield", [Terminator, Pure, ParentOneOf<["IfOp", "WhileOp"]>]> {
  let summary = "The results of a nested graph";
  let arguments = (ins Variadic<Task_Value>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}

#endif // HETER_DIALECTS_TASK_TASKOPS_TD
