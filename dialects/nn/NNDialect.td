// The nn dialect's definition, attributes and enums: the vocabulary that every file of the dialect shares.
#ifndef HETER_DIALECTS_NN_NNDIALECT_TD
#define HETER_DIALECTS_NN_NNDIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::heter::nn";
  let summary = "What a recommendation model computes";
  let description = [{
    The nn dialect says *what* is computed, on whole micro-batches, and nothing about where. Above it is the model
    language, whose front end emits it; below it are the ps dialect, which says where parameters live and what
    crosses roles, and the task dialect, which says what one role executes. It exists so that differentiation and
    simplification see neural-network operations with their shapes, not loops or messages.

    A module holds symbols: `nn.table` (sparse parameters, rows made on demand), `nn.parameter` (dense ones), and
    `nn.program`s over them, `@train`, `@infer` and `@predict`. Values are ranked tensors. Dimension 0 of a value that belongs to
    the examples of the micro-batch is dynamic and stands for their number B; no other dimension may be dynamic. A
    list of each example's own length is a `!nn.ragged`, the gradient of a table a `!nn.rows`.

    Every operation is pure except those that the outside observes: `nn.minimize` before differentiation,
    `nn.update` and `nn.update_rows` after it, `nn.report` and `nn.predict`. `nn.param` and `nn.lookup` read the
    version that the running micro-batch has pinned, so they are pure as well.

    The module carries its own compilation state, so that a dump of any stage is complete: `nn.stage`, `nn.mode`,
    `nn.seed`, `nn.fuse` and `nn.data` (the data bindings).
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class NN_Attr<string name, string attrMnemonic> : AttrDef<NN_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def NN_InitAttr : NN_Attr<"Init", "init"> {
  let summary = "How a parameter or table row begins";
  let description = [{
    `#nn.init<"uniform", 1.0e-02>`: `kind` is one of `zeros`, `ones`, `constant`, `uniform` (in ±scale) and `normal`
    (of standard deviation scale); `scale` is the constant's value for `constant` and unused by `zeros` and `ones`.
    The values themselves are a pure function of the run's seed and the parameter's name.
  }];
  let parameters = (ins StringRefParameter<>:$kind, "::mlir::FloatAttr":$number);
  let assemblyFormat = "`<` $kind `,` custom<Double>($number) `>`";
  let builders = [AttrBuilder<(ins "::llvm::StringRef":$kind, "double":$scale), [{
    return $_get($_ctxt, kind, ::mlir::FloatAttr::get(::mlir::Float64Type::get($_ctxt), scale));
  }]>];
  let extraClassDeclaration = "double getScale() const { return getNumber().getValueAsDouble(); }";
  let genVerifyDecl = 1;
}

def NN_RuleAttr : NN_Attr<"Rule", "rule"> {
  let summary = "A rule of the language by its name and options";
  let description = [{
    `#nn.rule<"warmup", {over = 1.0e+03 : f64, to = 1.0e-03 : f64}>`: options are f64, texts or rules again. Whoever
    holds a rule says which ones it takes: learning rates are schedules, dense parameters may have an average, a table
    an admission rule and a policy.
  }];
  let parameters = (ins StringRefParameter<>:$kind, "::mlir::DictionaryAttr":$options);
  let assemblyFormat = "`<` $kind `,` $options `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The same without MLIR; texts stay behind.
    ::heter::optimizers::Call getCall() const;
  }];
}
def NN_RuleArrayAttr : TypedArrayAttrBase<NN_RuleAttr, "array of rules">;

def NN_OptimizerAttr : NN_Attr<"Optimizer", "optimizer"> {
  let summary = "An optimizer and its options";
  let description = [{
    `#nn.optimizer<"adagrad", {lr = 5.0e-02 : f64}>`: the kinds and their options are those of optimizers/. Options are
    f64; the learning rate may also be a schedule (`lr = #nn.rule<"warmup", {..}>`), and a dense parameter's optimizer
    may keep an average (`average = #nn.rule<"ema", {..}>`). What is left out has its default.
  }];
  let parameters = (ins StringRefParameter<>:$kind, "::mlir::DictionaryAttr":$options);
  let assemblyFormat = "`<` $kind `,` $options `>`";
  let genVerifyDecl = 1;
  let builders = [AttrBuilder<(ins "const ::heter::optimizers::Call &":$call)>];
  let extraClassDeclaration = [{
    /// The number of option `name`, or `otherwise` where it was left out or is a rule.
    double getOption(::llvm::StringRef name, double otherwise) const;
    double getLearningRate() const { return getOption("lr", 0.0); }
    /// The same without MLIR.
    ::heter::optimizers::Call getCall() const;
  }];
}

def NN_PartAttr : NN_Attr<"Part", "part"> {
  let summary = "One part of a table's rows";
  let description = [{
    `#nn.part<"vector", 9, #nn.init<..>, #nn.optimizer<..>>`: each row of the table holds `dim` f32 values of this
    part, with their own first values and optimizer. The name is empty if the table has one part. `admit` says when a
    key gets this part; until then it reads as zeros. `updater`, set when parameters are distributed, names the function
    that applies the optimizer.
  }];
  let parameters = (ins StringRefParameter<>:$name, "int64_t":$dim, "InitAttr":$init, "OptimizerAttr":$optimizer,
                    OptionalParameter<"RuleAttr">:$admit, OptionalParameter<"::mlir::FlatSymbolRefAttr">:$updater);
  let assemblyFormat = "`<` $name `,` $dim `,` $init `,` $optimizer (`admit` $admit^)? (`,` $updater^)? `>`";
  let builders = [AttrBuilder<(ins "::llvm::StringRef":$name, "int64_t":$dim, "InitAttr":$init,
                                   "OptimizerAttr":$optimizer, CArg<"RuleAttr", "{}">:$admit), [{
    return $_get($_ctxt, name, dim, init, optimizer, admit, ::mlir::FlatSymbolRefAttr());
  }]>];
  let genVerifyDecl = 1;
}
def NN_PartArrayAttr : TypedArrayAttrBase<NN_PartAttr, "array of table parts">;

def NN_PlaceAttr : NN_Attr<"Place", "place"> {
  let summary = "The role that executes an operation, and why";
  let description = [{
    `#nn.place<"ROLE", "WHY">`. `role` is `on:CLASS` where the model was marked, and after placement a role key:
    `local`, `cpu-trainer`, `server` or `heter-trainer.CLASS`. `why` is a sentence for people.
  }];
  let parameters = (ins StringRefParameter<>:$role, StringRefParameter<>:$why);
  let assemblyFormat = "`<` $role `,` $why `>`";
  let genVerifyDecl = 1;
}

def NN_Pool : I32EnumAttr<"Pool", "how the rows of several ids become one", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Sum", 1, "sum">, I32EnumAttrCase<"Mean", 2, "mean">]> {
  let cppNamespace = "::heter::nn";
  let genSpecializedAttr = 0;
}
// Operations print it with custom<Pool>($pool): `pool(sum)`, nothing for none.
def NN_PoolAttr : EnumAttr<NN_Dialect, NN_Pool, "pool">;

def NN_Comparison : I32EnumAttr<"Comparison", "how two numbers compare", [
    I32EnumAttrCase<"Gt", 0, "gt">, I32EnumAttrCase<"Lt", 1, "lt">, I32EnumAttrCase<"Ge", 2, "ge">,
    I32EnumAttrCase<"Le", 3, "le">, I32EnumAttrCase<"Eq", 4, "eq">, I32EnumAttrCase<"Ne", 5, "ne">]> {
  let cppNamespace = "::heter::nn";
  let genSpecializedAttr = 0;
}
def NN_ComparisonAttr : EnumAttr<NN_Dialect, NN_Comparison, "comparison">;

def NN_Precision : I32EnumAttr<"Precision", "what a product's operands are rounded to; its sums are f32", [
    I32EnumAttrCase<"F32", 0, "f32">, I32EnumAttrCase<"BF16", 1, "bf16">]> {
  let cppNamespace = "::heter::nn";
  let genSpecializedAttr = 0;
}
// Operations print it with custom<Precision>($precision): `precision(bf16)`, nothing for f32.
def NN_PrecisionAttr : EnumAttr<NN_Dialect, NN_Precision, "precision">;

#endif // HETER_DIALECTS_NN_NNDIALECT_TD
