// Operations of the nn dialect that say what a model has and what a program reads.
#ifndef HETER_DIALECTS_NN_NNPROGRAMS_TD
#define HETER_DIALECTS_NN_NNPROGRAMS_TD

include "dialects/nn/NNBase.td"

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

#endif // HETER_DIALECTS_NN_NNPROGRAMS_TD
