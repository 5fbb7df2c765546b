// Built-ins with parameters or tables: lookup, hash, param, linear, layer_norm, prelu, dropout, attention.
#include "frontend/check/Checker.h"
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <cmath>

namespace heter::frontend {

//===-- Paths and parameters --------------------------------------------------------------------------------------===//

std::optional<std::string> Checker::layerPath(CallSite &call) {
  auto name = wordOption(call, "name");
  if (!name)
    return std::nullopt;
  std::optional<std::string> path = path_;
  if (!name->empty())
    path = pathOf(*name);
  if (path)
    return path;
  std::string binder = binder_.empty() ? "this" : "`" + binder_ + "`";
  error(call.expr.range, "parameters are called after the name bound, and " + binder + " binds none")
      .help("h = " + call.name + "(...) on its own line");
  return std::nullopt;
}

bool Checker::claimPath(CallSite &call, const std::string &path, const std::string &what) {
  auto [at, isNew] = made_.try_emplace(path, Made{call.expr.range, -1});
  if (isNew)
    return true;
  error(call.expr.range, what + " `" + path + "` is made twice")
      .note(at->second.range, "first here")
      .help("bind another name, or give one of them another with `name:`");
  return false;
}

bool Checker::checkSymbol(const std::string &name, SourceRange range) {
  if (name == "train" || name == "infer") {
    error(range, "`" + name + "` names a program of the compiled model, and cannot name a table or parameter")
        .help("bind another name");
    return false;
  }
  return true;
}

std::optional<Value> Checker::parameter(CallSite &call, const std::string &path, const std::string &leaf,
                                        std::vector<Dim> shape, Initializer init) {
  Type type{Element::F32, Spread::Same, std::move(shape)};
  if (!checkCount(type.shape, call.expr.range))
    return std::nullopt;
  auto reuse = [&](const Made &made) -> std::optional<Value> {
    const Parameter &known = model_.parameters[made.parameter];
    if (!(known.type == type)) {
      error(call.expr.range,
            "parameter `" + known.path + "` is " + show(known.type) + ", and this layer needs " + show(type))
          .note(known.range, "made here");
      return std::nullopt;
    }
    Value value;
    value.kind = Value::Kind::Tensor;
    value.type = type;
    value.id = known.value;
    return value;
  };
  std::string suffix = leaf.empty() ? "" : "." + leaf;
  if (const ast::Option *share = call.option("share")) {
    auto word = wordOption(call, "share");
    if (!word)
      return std::nullopt;
    std::string plain = frame_->prefix && !frame_->prefix->empty() ? *frame_->prefix + "." + *word : *word;
    for (const std::string &candidate : {pathOf(*word).value_or(plain), plain, *word})
      if (auto made = made_.find(candidate + suffix); made != made_.end() && made->second.parameter >= 0)
        return reuse(made->second);
    std::vector<std::string> names;
    for (const auto &[known, made] : made_)
      names.push_back(known.substr(0, known.rfind('.')));
    error(share->value->range, "no parameter is called `" + *word + suffix + "` yet").help(didYouMean(*word, names));
    return std::nullopt;
  }
  std::string full = path + suffix;
  if (auto [at, isNew] = made_.try_emplace(full, Made{call.expr.range, -1}); !isNew) {
    std::string base = frame_->prefix && !frame_->prefix->empty() && path.size() > frame_->prefix->size()
                           ? path.substr(frame_->prefix->size() + 1)
                           : path;
    error(call.expr.range, "parameter `" + full + "` is made twice")
        .note(at->second.range, "first here")
        .help("bind another name, or `share: " + base + "` to use one parameter twice");
    return std::nullopt;
  }
  auto isTable = [&](const Table &table) { return table.name == full; };
  if (std::any_of(model_.tables.begin(), model_.tables.end(), isTable)) {
    error(call.expr.range, "parameter `" + full + "` has the name of a table").help("bind another name");
    return std::nullopt;
  }
  if (!checkSymbol(full, call.expr.range))
    return std::nullopt;
  Parameter parameter{full, type, std::move(init), newValue(type, call.expr.range), call.expr.range, mark_};
  model_.values[parameter.value].name = full;
  Value value;
  value.kind = Value::Kind::Tensor;
  value.type = type;
  value.id = parameter.value;
  model_.parameters.push_back(std::move(parameter));
  made_[full].parameter = static_cast<int>(model_.parameters.size() - 1);
  return value;
}

//===-- Tables ----------------------------------------------------------------------------------------------------===//

const TablePart *Checker::findPart(const ast::Expr &expr, std::string &table) {
  if (expr.kind != ast::ExprKind::Name) {
    error(expr.range, "`lookup` wants a table first, got " + text(expr.range)).help("lookup(TABLE, IDS)");
    return nullptr;
  }
  size_t dot = expr.text.find('.');
  table = expr.text.substr(0, dot);
  auto found =
      std::find_if(model_.tables.begin(), model_.tables.end(), [&](const Table &t) { return t.name == table; });
  if (found == model_.tables.end()) {
    std::vector<std::string> names;
    for (const Table &known : model_.tables)
      names.push_back(known.name);
    bool isValue = frame_->scope.count(table) > 0;
    std::string mend = didYouMean(table, names);
    if (mend.empty()) {
      mend = names.empty() ? "table " + table + " { dim: 9 }" : "one of:";
      for (const std::string &known : names)
        mend += " " + known;
    }
    error(expr.range, isValue ? "`lookup` wants a table first, and `" + table + "` is a value"
                              : "no table is called `" + table + "`")
        .help(isValue ? "lookup(TABLE, " + table + ")" : mend);
    return nullptr;
  }
  std::vector<std::string> parts;
  for (const TablePart &part : found->parts)
    parts.push_back(part.name);
  if (parts.empty()) // the table is wrong, and reported
    return nullptr;
  std::string wanted = dot == std::string::npos ? "" : expr.text.substr(dot + 1);
  for (const TablePart &part : found->parts)
    if (part.name == wanted)
      return &part;
  if (wanted.empty()) {
    error(expr.range, "table `" + table + "` has parts, and `lookup` reads one").help(table + "." + parts.front());
  } else {
    std::string mend = didYouMean(wanted, parts);
    if (parts.front().empty())
      mend = "lookup(" + table + ", IDS)";
    if (mend.empty()) {
      mend = "one of:";
      for (const std::string &part : parts)
        mend += " " + table + "." + part;
    }
    error(expr.range, "table `" + table + "` has no part `" + wanted + "`").help(mend);
  }
  return nullptr;
}

static Value checkLookup(Checker &c, CallSite &call) {
  std::string table;
  const TablePart *part = c.findPart(*call.expr.items[0], table);
  if (!part || !c.wantTensor(call, 1, "ids"))
    return {};
  auto pool = c.wordOption(call, "pool", {"none", "sum", "mean"});
  if (!pool)
    return {};
  const Value &ids = call.arguments[1];
  if (ids.type.element != Element::Id) {
    c.error(call.argumentRange(1), "`lookup` wants ids, got " + c.show(ids))
        .help(ids.type.element == Element::I64 ? "hash(" + c.text(call.argumentRange(1)) + ", space: NAME)" : "");
    return {};
  }
  Type type = ids.type;
  type.element = Element::F32;
  if (!pool->empty() && *pool != "none") {
    if (type.rank() == 0) {
      c.error(call.option("pool")->value->range, "`pool` wants several ids, got " + c.show(ids));
      return {};
    }
    int axis = type.raggedAxis() < 0 ? type.rank() - 1 : type.raggedAxis();
    type.shape.erase(type.shape.begin() + axis);
  }
  type.shape.push_back(Dim::fixed(part->dim));
  if (!c.checkCount(type.shape, call.expr.range))
    return {};
  return c.add("lookup", {ids}, type, call.expr.range,
               {{"table", table}, {"part", part->name}, {"pool", pool->empty() ? std::string("none") : *pool}});
}

static Value checkHash(Checker &c, CallSite &call) {
  if (!c.wantTensor(call, 0, "i64 or ids"))
    return {};
  Value value = call.arguments[0];
  if (value.type.element != Element::I64 && value.type.element != Element::Id) {
    c.error(call.argumentRange(0), "`hash` wants i64 or ids, got " + c.show(value));
    return {};
  }
  auto space = c.wordOption(call, "space");
  if (!space)
    return {};
  if (space->empty()) {
    c.error(call.expr.range, "`hash` in a model wants a `space`")
        .help("hash(" + c.text(call.argumentRange(0)) + ", space: NAME)");
    return {};
  }
  Type type = value.type;
  type.element = Element::Id;
  return c.add("hash", {value}, type, call.expr.range, {{"space", *space}});
}

//===-- Layers ----------------------------------------------------------------------------------------------------===//

static Value checkParam(Checker &c, CallSite &call) {
  auto shape = c.sizes(call.arguments[0], call.argumentRange(0));
  auto init = c.initializerOption(call, "init", {"zeros", 0});
  auto path = c.layerPath(call);
  if (!shape || !init || !path)
    return {};
  return c.parameter(call, *path, "", *shape, *init).value_or(Value());
}

/// The last axis of argument 0, which must be fixed.
static std::optional<int64_t> features(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return std::nullopt;
  const Type &type = call.arguments[0].type;
  if (type.rank() > 0 && type.shape.back().isFixed())
    return type.shape.back().size;
  c.error(call.argumentRange(0), "`" + call.name + "` wants a fixed last axis, got " + c.show(type))
      .help(type.rank() == 0 ? "reshape(x, 1)" : "lookup(..., pool: mean), or sum(..., axis: 0)");
  return std::nullopt;
}

static Value checkLinear(Checker &c, CallSite &call) {
  auto inputs = features(c, call);
  auto outputs = c.wantInteger(call.arguments[1], call.argumentRange(1), "`linear`'s size", 1, 1 << 24);
  if (!inputs || !outputs)
    return {};
  Initializer bound{"uniform", 1 / std::sqrt(static_cast<double>(*inputs))};
  auto init = c.initializerOption(call, "init", bound);
  auto bias = c.flagOption(call, "bias", true);
  auto path = c.layerPath(call);
  if (!init || !bias || !path)
    return {};
  auto weight = c.parameter(call, *path, "weight", {Dim::fixed(*inputs), Dim::fixed(*outputs)}, *init);
  if (!weight)
    return {};
  std::vector<Value> operands = {call.arguments[0], *weight};
  if (*bias) {
    auto shift = c.parameter(call, *path, "bias", {Dim::fixed(*outputs)}, bound);
    if (!shift)
      return {};
    operands.push_back(*shift);
  }
  Type type = call.arguments[0].type;
  type.shape.back() = Dim::fixed(*outputs);
  if (!c.checkCount(type.shape, call.expr.range))
    return {};
  return c.add("linear", std::move(operands), type, call.expr.range);
}

static Value checkLayerNorm(Checker &c, CallSite &call) {
  auto size = features(c, call);
  auto epsilon = c.numberOption(call, "epsilon", 1e-5);
  if (!size || !epsilon)
    return {};
  if (*epsilon <= 0) {
    c.error(call.expr.range, "`epsilon` is above 0");
    return {};
  }
  auto path = c.layerPath(call);
  if (!path)
    return {};
  auto scale = c.parameter(call, *path, "scale", {Dim::fixed(*size)}, {"ones", 0});
  if (!scale)
    return {};
  auto shift = c.parameter(call, *path, "shift", {Dim::fixed(*size)}, {"zeros", 0});
  if (!shift)
    return {};
  return c.add("layer_norm", {call.arguments[0], *scale, *shift}, call.arguments[0].type, call.expr.range,
               {{"epsilon", *epsilon}});
}

static Value checkPrelu(Checker &c, CallSite &call) {
  auto size = features(c, call);
  if (!size)
    return {};
  auto path = c.layerPath(call);
  if (!path)
    return {};
  auto slope = c.parameter(call, *path, "slope", {Dim::fixed(*size)}, {"constant", 0.25});
  if (!slope)
    return {};
  return c.add("prelu", {call.arguments[0], *slope}, call.arguments[0].type, call.expr.range);
}

static Value checkDropout(Checker &c, CallSite &call) {
  if (!c.wantExampleOrSame(call, 0))
    return {};
  const Value &rate = call.arguments[1];
  if (!rate.isNumber() || rate.number < 0 || rate.number >= 1) {
    c.error(call.argumentRange(1), "`dropout` wants a rate of at least 0 and below 1, got " + c.show(rate));
    return {};
  }
  if (call.arguments[0].type.spread != Spread::Example) {
    c.error(call.argumentRange(0), "`dropout` wants values of each example");
    return {};
  }
  auto path = c.layerPath(call);
  if (!path || !c.claimPath(call, *path + ".dropout", "the mask"))
    return {};
  return c.add("dropout", {call.arguments[0]}, call.arguments[0].type, call.expr.range,
               {{"rate", rate.number}, {"path", *path}});
}

/// attention(q, k, v, heads: n): q [*n, d], k and v [*m, d].
static Value checkAttention(Checker &c, CallSite &call) {
  for (size_t i = 0; i < 3; ++i) {
    if (!c.wantExampleOrSame(call, i))
      return {};
    if (call.arguments[i].type.rank() != 2 || !call.arguments[i].type.shape[1].isFixed()) {
      c.error(call.argumentRange(i), "`attention` wants a list of vectors, got " + c.show(call.arguments[i]));
      return {};
    }
  }
  const ast::Option *option = call.option("heads");
  int64_t width = call.arguments[0].type.shape[1].size;
  auto heads = option ? c.wantInteger(c.evaluate(*option->value), option->value->range, "`heads`", 1, width)
                      : std::optional<int64_t>(1);
  if (!heads)
    return {};
  if (width % *heads != 0 || call.arguments[1].type.shape[1].size != width ||
      !(call.arguments[1].type.shape[0] == call.arguments[2].type.shape[0])) {
    c.error(call.expr.range, "`attention` cannot pair " + c.show(call.arguments[0]) + ", " + c.show(call.arguments[1]) +
                                 " and " + c.show(call.arguments[2]) + " with " + std::to_string(*heads) + " heads");
    return {};
  }
  Type type = call.arguments[0].type;
  type.shape[1] = call.arguments[2].type.shape[1];
  return c.add("attention", call.arguments, type, call.expr.range, {{"heads", *heads}});
}

const std::vector<Builtin> &layerBuiltins() {
  static const std::vector<Builtin> table = {
      {"lookup", 2, 2, {"pool"}, checkLookup, /*firstIsTable=*/true},
      {"hash", 1, 1, {"space"}, checkHash},
      {"param", 1, 1, {"init", "name", "share"}, checkParam},
      {"linear", 2, 2, {"bias", "init", "name", "share"}, checkLinear},
      {"layer_norm", 1, 1, {"epsilon", "name", "share"}, checkLayerNorm},
      {"prelu", 1, 1, {"name", "share"}, checkPrelu},
      {"dropout", 2, 2, {"name"}, checkDropout},
      {"attention", 3, 3, {"heads"}, checkAttention},
  };
  return table;
}

} // namespace heter::frontend
