// The ps dialect: where parameters live and what crosses from one role to another. Ops of stages 4 (distribute) to 6
// (partition); see the dialect's description for the levels around it.
#ifndef HETER_DIALECTS_PS_PS_TD
#define HETER_DIALECTS_PS_PS_TD

include "dialects/nn/NNInterfaces.td"
include "dialects/nn/NNTypes.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def PS_Dialect : Dialect {
  let name = "ps";
  let cppNamespace = "::heter::ps";
  let summary = "parameters owned by servers, and the messages between roles";
  let description = [{
    The level between nn and task. Above it, nn says what is computed and treats parameters and tables as if they were
    at hand. Below it, task says what one role executes: kernels, buffers, copies.

    ps exists because between the two stand the questions of a parameter-server system, which are about neither math
    nor memory: who owns a parameter and how it is fetched and updated (`ps.pull_*`, `ps.push_*`, `ps.optimizer`), and
    which values go from role to role (`ps.program`, `ps.channel`, `ps.send`, `ps.recv`). Compute stays in nn ops; ps
    only adds ownership and transport around them, so that a placement is an attribute of each op and a cut is a
    mechanical rewrite that can be checked.

    Trainer roles are named by a key: `local`, `cpu-trainer` or `heter-trainer.CLASS`. The `server` role owns tables and
    parameters, runs the optimizers and has no graph of its own.
  }];
  let dependentDialects = ["::heter::nn::NNDialect"];
}

class PS_Op<string mnemonic, list<Trait> traits = []> : Op<PS_Dialect, mnemonic, traits>;

// An op that the place stage gives a role, as nn's compute ops are.
class PS_PlacedOp<string mnemonic, list<Trait> traits = []>
    : PS_Op<mnemonic, !listconcat([NN_PlaceableOpInterface], traits)>;

//===--------------------------------------------------------------------------------------------------------------===//
// Constraints
//===--------------------------------------------------------------------------------------------------------------===//

def PS_TrainerRole : ConfinedAttr<StrAttr, [AttrConstraint<
    CPred<"::heter::ps::isTrainerRole(::llvm::cast<::mlir::StringAttr>($_self).getValue())">,
    "that is a trainer's role key: local, cpu-trainer or heter-trainer.CLASS">]>;

def PS_GraphName : ConfinedAttr<StrAttr, [AttrConstraint<
    CPred<"::heter::ps::isGraphName(::llvm::cast<::mlir::StringAttr>($_self).getValue())">, "that is train, infer or predict">]>;

def PS_MessageType : Type<CPred<"::heter::ps::isMessageType($_self)">, "a tensor or a ragged value">;

def PS_MessageTypeArray : ConfinedAttr<TypeArrayAttr, [ArrayMinCount<1>, AttrConstraint<
    CPred<"::llvm::all_of(::llvm::cast<::mlir::ArrayAttr>($_self).getAsValueRange<::mlir::TypeAttr>(), "
          "::heter::ps::isMessageType)">, "of tensors and ragged values only, as row gradients stay where they are made">]>;

def PS_DenseTensor : StaticShapeTensorOf<[F32]>;

//===--------------------------------------------------------------------------------------------------------------===//
// Parameters
//===--------------------------------------------------------------------------------------------------------------===//

def PS_PullRowsOp : PS_PlacedOp<"pull_rows", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "rows of a table part, looked up by id and perhaps pooled";
  let description = [{
    Asks the servers that own the ids' rows for one part of them. Pure: a missing key gives its initial value and
    creates nothing. Without pooling the result has the ids' shape with the part's dim appended; with `pool` sum or mean
    the last axis of the ids is reduced, and ragged ids have to be pooled.

    ```mlir
    %v = ps.pull_rows @emb part("") (%ids) : tensor<?x26xi64> -> tensor<?x26x9xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$table, StrAttr:$part, NN_Ids:$ids,
                       DefaultValuedAttr<NN_PoolAttr, "::heter::nn::Pool::None">:$pool,
                       OptionalAttr<NN_PlaceAttr>:$place);
  let results = (outs NN_F32Tensor:$rows);
  let assemblyFormat = [{
    $table `part` `(` $part `)` `(` $ids `)` `` custom<Pool>($pool) attr-dict `:` type($ids) `->` type($rows)
  }];
  let hasVerifier = 1;
}

def PS_PullDenseOp : PS_PlacedOp<"pull_dense", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the version of a dense parameter that the frame has pinned";
  let arguments = (ins FlatSymbolRefAttr:$parameter, OptionalAttr<NN_PlaceAttr>:$place);
  let results = (outs PS_DenseTensor:$value);
  let assemblyFormat = "$parameter attr-dict `:` type($value)";
}

def PS_PushRowsOp : PS_PlacedOp<"push_rows", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "gives a sparse gradient, summed over the micro-batch, to the rows' owners";
  let description = "`counts` are the shows and clicks of the same keys, as those of nn.update_rows.";
  let arguments = (ins FlatSymbolRefAttr:$table, StrAttr:$part, NN_RowsType:$rows,
                       Optional<NN_RowsType>:$counts, OptionalAttr<NN_PlaceAttr>:$place);
  let assemblyFormat = [{
    $table `part` `(` $part `)` $rows (`counts` `(` $counts^ `)`)? attr-dict `:` type($rows) (`,` type($counts)^)?
  }];
}

def PS_PushDenseOp : PS_PlacedOp<"push_dense", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "gives a parameter's gradient, summed over the micro-batch, to its owners";
  let arguments = (ins FlatSymbolRefAttr:$parameter, PS_DenseTensor:$gradient,
                       OptionalAttr<NN_PlaceAttr>:$place);
  let assemblyFormat = "$parameter `,` $gradient attr-dict `:` type($gradient)";
}

def PS_ScheduleOp : PS_PlacedOp<"schedule", [Symbol, IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "a learning rate, computed once a step by the owners of what it updates";
  let description = [{
    The body takes the number of steps closed before and yields the rate of this one.

    ```mlir
    ps.schedule @warmup_0 rule("warmup") {
    ^bb0(%step: tensor<i64>):
      ...
      ps.yield %rate : tensor<f32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$rule, OptionalAttr<NN_PlaceAttr>:$place);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `rule` `(` $rule `)` attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def PS_OptimizerOp : PS_PlacedOp<"optimizer", [Symbol, IsolatedFromAbove, SingleBlockImplicitTerminator<"YieldOp">,
                                               DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "how an owner updates values from a mean gradient";
  let description = [{
    The body updates n values: (value, slots.., scalars.., gradient) -> (value, slots.., scalars..), values, slots and
    the gradient as `tensor<?xf32>`, scalars (one of each a row or a parameter) as `tensor<f32>`. It is elementwise, or
    looks at all n of them, which are then one row. A slot starts at its `slot_init`, a scalar at its `scalar_init`.
    With `rate`, a ps.schedule, its value of the step is the body's last argument. The slot that `averaged` names stands
    for the value in tests and predictions; it starts as the value. Table parts and parameters name their optimizer as
    `updater`.

    ```mlir
    ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) {
    ^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
      ...
      ps.yield %new : tensor<?xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$rule, StrArrayAttr:$slots, F64ArrayAttr:$slot_init,
                       StrArrayAttr:$scalars, F64ArrayAttr:$scalar_init, OptionalAttr<FlatSymbolRefAttr>:$rate,
                       OptionalAttr<StrAttr>:$averaged, OptionalAttr<NN_PlaceAttr>:$place);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `rule` `(` $rule `)` `slots` `(` $slots `=` $slot_init `)` "
                       "`scalars` `(` $scalars `=` $scalar_init `)` (`rate` `(` $rate^ `)`)? "
                       "(`averaged` `(` $averaged^ `)`)? attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The types of the body's arguments: value, slots, scalars, gradient, and the rate if it is a schedule's.
    ::llvm::SmallVector<::mlir::Type> expectedArgumentTypes();
    /// The types of what the body yields: value, slots, scalars.
    ::llvm::SmallVector<::mlir::Type> expectedResultTypes();
  }];
}

def PS_YieldOp : PS_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["OptimizerOp", "ScheduleOp"]>]> {
  let summary = "ends an optimizer's body with the new value, slots and scalars, a schedule's with the rate";
  let arguments = (ins Variadic<RankedTensorOf<[F32]>>:$values);
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let hasVerifier = 1;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Roles and messages
//===--------------------------------------------------------------------------------------------------------------===//

def PS_ProgramOp : PS_Op<"program", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "what one trainer role computes of one graph";
  let description = [{
    A single block in SSA form without a terminator, named `ROLE.GRAPH`. The listing is a legal order for all roles
    together: if each role ran its program from top to bottom and waited at each `ps.recv`, all would end. Later stages
    keep that: they may move an op across another op, but not across a `ps.send` or `ps.recv`.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, PS_TrainerRole:$role, PS_GraphName:$graph);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `role` `(` $role `)` `graph` `(` $graph `)` attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def PS_ChannelOp : PS_Op<"channel", [Symbol]> {
  let summary = "one message a frame from one role to another";
  let description = [{
    All values of a channel have the same crossing depth: the most role crossings on any path from an input to them, this
    one included. A message then only waits for messages of lower depth, so that no two can wait for each other.
    Channels only connect the cpu-trainer with heter-trainers.

    ```mlir
    ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x247xf32>]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, PS_GraphName:$graph, PS_TrainerRole:$sender, PS_TrainerRole:$receiver,
                       ConfinedAttr<I64Attr, [IntPositive]>:$depth, PS_MessageTypeArray:$types);
  let assemblyFormat = "$sym_name `graph` `(` $graph `)` `from` `(` $sender `)` `to` `(` $receiver `)` "
                       "`depth` `(` $depth `)` `types` $types attr-dict";
  let hasVerifier = 1;
}

def PS_SendOp : PS_PlacedOp<"send", [HasParent<"ProgramOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "sends the values of a channel once all of them are there";
  let arguments = (ins FlatSymbolRefAttr:$channel, Variadic<PS_MessageType>:$values,
                       OptionalAttr<NN_PlaceAttr>:$place);
  let assemblyFormat = "$channel `(` $values `)` attr-dict `:` type($values)";
}

def PS_RecvOp : PS_PlacedOp<"recv", [HasParent<"ProgramOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the values of a channel, once they have come";
  let arguments = (ins FlatSymbolRefAttr:$channel, OptionalAttr<NN_PlaceAttr>:$place);
  let results = (outs Variadic<PS_MessageType>:$values);
  let assemblyFormat = "$channel attr-dict `:` type($values)";
}

#endif
