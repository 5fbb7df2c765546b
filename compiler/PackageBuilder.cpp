// What a package's roles share, from the symbols and attributes of a planned module; see PackageWriter.h.
#include "compiler/PackageGraph.h"
#include "compiler/PackageWriter.h"
#include "dialects/ps/PS.h"
#include "dialects/task/Task.h"
#include "runtime/package/Package.h"
#include "runtime/package/Package_constants.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace heter::compiler {

namespace package = runtime::package;

namespace {

package::Initializer initializer(nn::InitAttr init) {
  package::Initializer result;
  result.kind = init.getKind().str();
  result.scale = init.getScale();
  return result;
}

std::vector<std::string> texts(ArrayAttr list) {
  std::vector<std::string> result;
  for (StringRef text : list.getAsValueRange<StringAttr>())
    result.push_back(text.str());
  return result;
}

std::vector<double> numbers(ArrayAttr list) {
  std::vector<double> result;
  for (auto number : list.getAsRange<FloatAttr>())
    result.push_back(number.getValueAsDouble());
  return result;
}

package::Rule ruleOf(nn::RuleAttr rule) {
  package::Rule result;
  result.kind = rule.getKind().str();
  result.numbers = rule.getCall().numbers;
  for (NamedAttribute option : rule.getOptions())
    if (auto text = dyn_cast<StringAttr>(option.getValue()))
      result.texts[option.getName().str()] = text.str();
  return result;
}

package::DataExpression expression(DictionaryAttr fields) {
  package::DataExpression result;
  result.op = fields.getAs<StringAttr>("op").str();
  if (auto arguments = fields.getAs<ArrayAttr>("arguments"))
    for (auto argument : arguments.getAsRange<DictionaryAttr>())
      result.arguments.push_back(expression(argument));
  if (auto list = fields.getAs<ArrayAttr>("numbers"))
    result.numbers = numbers(list);
  if (auto list = fields.getAs<ArrayAttr>("texts"))
    result.texts = texts(list);
  if (auto location = fields.getAs<StringAttr>("location"))
    result.location = location.str();
  return result;
}

class PackageBuilder {
public:
  explicit PackageBuilder(ModuleOp module) : module_(module) {}

  FailureOr<PackageContents> run() {
    auto mode = module_->getAttrOfType<StringAttr>(nn::kModeAttr);
    auto seed = module_->getAttrOfType<IntegerAttr>(nn::kSeedAttr);
    if (!mode || !seed || !module_.getSymName())
      return module_.emitError("expects a module with a name, nn.mode and nn.seed");
    info_.version = package::g_Package_constants.FORMAT_VERSION;
    info_.model = module_.getSymName()->str();
    info_.mode = mode.str();
    info_.seed = seed.getInt();
    addInputs();
    if (failed(addTables()) || failed(addParameters()))
      return failure();
    addChannels();
    addData();
    addPrograms();
    runtime::Status status = runtime::verifyPackage(info_, contents_.programs);
    if (!status.ok())
      return module_.emitError("makes no valid package: ") << status.message();
    return std::move(contents_);
  }

private:
  void addInputs() {
    llvm::StringMap<bool> seen;
    module_.walk([&](task::InputOp op) {
      if (!seen.try_emplace(op.getName(), true).second)
        return;
      package::Input input;
      input.name = op.getName().str();
      std::tie(input.kind, input.type) = packageType(op.getType());
      if (input.kind == package::ValueKind::TENSOR)
        input.type.shape.erase(input.type.shape.begin());
      input.label = op.getIsLabel();
      if (auto ragged = dyn_cast<nn::RaggedType>(op.getType()))
        input.length = ragged.getLength().str();
      info_.inputs.push_back(std::move(input));
    });
  }

  /// Fails if `updater` is no optimizer of this module.
  FailureOr<package::Optimizer> optimizer(Operation *user, nn::OptimizerAttr source, FlatSymbolRefAttr updater) {
    auto op = updater ? module_.lookupSymbol<task::OptimizerOp>(updater.getValue()) : task::OptimizerOp();
    if (!op)
      return user->emitError("expects an updater, as distribution sets it");
    package::Optimizer result;
    result.name = op.getKind().str();
    result.callee = op.getCallee().str();
    result.slots = texts(op.getSlots());
    result.slotInit = numbers(op.getSlotInit());
    result.scalars = texts(op.getScalars());
    result.scalarInit = numbers(op.getScalarInit());
    if (op.getRate())
      result.schedule = module_.lookupSymbol<task::ScheduleOp>(*op.getRate()).getCallee().str();
    result.averaged = op.getAveraged().value_or("").str();
    result.text = optimizers::toText(optimizers::complete(source.getCall()));
    return result;
  }

  LogicalResult addTables() {
    for (auto op : module_.getOps<nn::TableOp>()) {
      package::Table table;
      table.name = op.getSymName().str();
      for (auto attribute : op.getParts().getAsRange<nn::PartAttr>()) {
        FailureOr<package::Optimizer> rule = optimizer(op, attribute.getOptimizer(), attribute.getUpdater());
        if (failed(rule))
          return failure();
        package::Part part;
        part.name = attribute.getName().str();
        part.dim = attribute.getDim();
        part.init = initializer(attribute.getInit());
        part.optimizer = *rule;
        if (nn::RuleAttr admit = attribute.getAdmit())
          part.admit = ruleOf(admit);
        table.parts.push_back(std::move(part));
      }
      if (ArrayAttr policy = op.getPolicyAttr())
        for (auto rule : policy.getAsRange<nn::RuleAttr>())
          table.policy.push_back(ruleOf(rule));
      info_.tables.push_back(std::move(table));
    }
    return success();
  }

  LogicalResult addParameters() {
    for (auto op : module_.getOps<nn::ParameterOp>()) {
      FailureOr<package::Optimizer> rule = optimizer(op, op.getOptimizerAttr(), op.getUpdaterAttr());
      if (failed(rule))
        return failure();
      package::Parameter parameter;
      parameter.name = op.getSymName().str();
      parameter.shape = packageType(op.getType()).second.shape;
      parameter.init = initializer(op.getInit());
      parameter.optimizer = *rule;
      info_.parameters.push_back(std::move(parameter));
    }
    return success();
  }

  void addChannels() {
    for (auto op : module_.getOps<ps::ChannelOp>()) {
      package::Channel channel;
      channel.name = op.getSymName().str();
      channel.sender = op.getSender().str();
      channel.receiver = op.getReceiver().str();
      channel.depth = static_cast<int32_t>(op.getDepth());
      for (Type type : op.getTypes().getAsValueRange<TypeAttr>()) {
        package::ChannelValue value;
        std::tie(value.kind, value.type) = packageType(type);
        channel.values.push_back(std::move(value));
      }
      (op.getGraph() == "train"   ? info_.trainChannels
       : op.getGraph() == "infer" ? info_.inferChannels
                                  : info_.predictChannels)
          .push_back(std::move(channel));
    }
  }

  void addData() {
    auto sources = module_->getAttrOfType<ArrayAttr>(nn::kDataAttr);
    if (!sources)
      return;
    for (auto fields : sources.getAsRange<DictionaryAttr>()) {
      package::DataSource source;
      source.name = fields.getAs<StringAttr>("name").str();
      source.format = fields.getAs<StringAttr>("format").str();
      for (NamedAttribute option : fields.getAs<DictionaryAttr>("options"))
        source.options[option.getName().str()] = packageAttribute(option.getValue());
      for (auto entry : fields.getAs<ArrayAttr>("bindings").getAsRange<DictionaryAttr>()) {
        package::Binding binding;
        binding.input = entry.getAs<StringAttr>("input").str();
        // An input that nothing computes with is not read.
        if (llvm::none_of(info_.inputs, [&](const package::Input &input) { return input.name == binding.input; }))
          continue;
        binding.expression = expression(entry.getAs<DictionaryAttr>("expression"));
        source.bindings.push_back(std::move(binding));
      }
      info_.data.push_back(std::move(source));
    }
  }

  void addPrograms() {
    llvm::SmallSetVector<StringRef, 4> roles;
    for (auto op : module_.getOps<task::ProgramOp>())
      roles.insert(op.getRole());
    // The server owns parameters and has no graph.
    if (info_.mode != "local")
      roles.insert(ps::kServer);
    for (StringRef role : roles) {
      package::RoleProgram program;
      program.role = role.str();
      program.deviceClass = "cpu";
      for (auto op : module_.getOps<task::ProgramOp>()) {
        if (op.getRole() != role)
          continue;
        program.deviceClass = op.getDeviceClass().str();
        package::Graph &graph = op.getGraph() == "train"   ? program.train
                                : op.getGraph() == "infer" ? program.infer
                                                           : program.predict;
        graph = packageGraph(op.getBody().front(), op.getSegmentsAttr());
      }
      info_.roles.push_back(program.role);
      contents_.programs.push_back(std::move(program));
    }
  }

  ModuleOp module_;
  PackageContents contents_;
  package::PackageInfo &info_ = contents_.info;
};

} // namespace

FailureOr<PackageContents> buildPackage(ModuleOp module) { return PackageBuilder(module).run(); }

} // namespace heter::compiler
