// Writes the report of heterc --explain. It reads the partitioned module only: places carry the reasons, channels the
// cuts, and the cost analysis of the place stage counts FLOPs and bytes from types.
#include "compiler/Explain.h"

#include "dialects/ps/PS.h"
#include "passes/Place/Cost.h"
#include "passes/Place/Placement.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace heter;

namespace {

/// Writes the report of one module.
class Report {
public:
  explicit Report(ModuleOp module) : module_(module), out_(text_) {
    for (auto program : module.getOps<ps::ProgramOp>())
      for (Operation &op : program.getBody().front()) {
        if (auto send = dyn_cast<ps::SendOp>(op))
          sends_[send.getChannel()] = send;
        if (auto recv = dyn_cast<ps::RecvOp>(op))
          recvs_[recv.getChannel()] = recv;
      }
  }

  std::string write();

private:
  void writeServer();
  void writeGraph(StringRef graph);
  void writeRoles(ArrayRef<ps::ProgramOp> programs);
  void writeMessages(StringRef graph);
  void writeMessage(ps::ChannelOp channel);
  void writeOps(ps::ProgramOp program);
  Operation *producerOf(Value value) const;

  ModuleOp module_;
  llvm::StringMap<ps::SendOp> sends_;
  llvm::StringMap<ps::RecvOp> recvs_;
  std::string text_;
  llvm::raw_string_ostream out_;
};

std::string counted(int64_t count, StringRef noun) {
  return (Twine(count) + " " + noun + (count == 1 ? "" : "s")).str();
}

bool isMessage(Operation &op) { return isa<ps::SendOp, ps::RecvOp>(op); }

/// The name that the source gives to what `loc` is about, or "".
StringRef sourceNameOf(Location loc) {
  StringRef name;
  loc->walk([&](Location inner) {
    auto named = dyn_cast<NameLoc>(inner);
    name = named ? named.getName().getValue() : "";
    return named ? WalkResult::interrupt() : WalkResult::advance();
  });
  return name;
}

/// `ps.pull_dense @w`, `nn.input "dense"`, `nn.relu deep.0`.
std::string nameOf(Operation *op) {
  std::string name = op->getName().getStringRef().str();
  llvm::raw_string_ostream out(name);
  for (NamedAttribute attribute : op->getAttrs())
    if (auto symbol = dyn_cast<FlatSymbolRefAttr>(attribute.getValue())) {
      out << " @" << symbol.getValue();
      return name;
    }
  if (auto text = op->getAttrOfType<StringAttr>("name"))
    out << ' ' << text;
  else if (StringRef source = sourceNameOf(op->getLoc()); !source.empty())
    out << ' ' << source;
  return name;
}

std::string typeOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// The op that computed `value`, on whichever role.
Operation *Report::producerOf(Value value) const {
  auto recv = value.getDefiningOp<ps::RecvOp>();
  if (!recv)
    return value.getDefiningOp();
  ps::SendOp send = sends_.lookup(recv.getChannel());
  return producerOf(send.getValues()[cast<OpResult>(value).getResultNumber()]);
}

/// Tables and parameters, and how they are updated.
void Report::writeServer() {
  auto mode = module_->getAttrOfType<StringAttr>(nn::kModeAttr);
  int64_t parameters = 0;
  Amount values;
  for (auto parameter : module_.getOps<nn::ParameterOp>()) {
    ++parameters;
    values += bytesOf(parameter.getType());
  }
  auto tables = module_.getOps<nn::TableOp>();
  out_ << (mode && mode != "local" ? "server" : "local") << " owns "
       << counted(std::distance(tables.begin(), tables.end()), "table") << " and "
       << counted(parameters, "dense parameter") << " of " << formatNumber(values.perBatch) << " B\n";
  for (auto optimizer : module_.getOps<ps::OptimizerOp>())
    out_ << "  updates by " << optimizer.getSymName()
         << ", state of each value: " << counted(optimizer.getSlots().size(), "float")
         << (optimizer.getRate() ? ", learning rate by " + optimizer.getRate()->str() : "") << '\n';
}

/// One line a role: how much it does.
void Report::writeRoles(ArrayRef<ps::ProgramOp> programs) {
  constexpr auto *columns = "{0,-24}{1,6}{2,15}{3,13}{4,11}{5,11}\n";
  out_ << llvm::formatv(columns, "role", "ops", "FLOPs/example", "FLOPs/batch", "B pulled", "B pushed");
  for (ps::ProgramOp program : programs) {
    int64_t ops = 0;
    Amount flops, pulled, pushed;
    for (Operation &op : program.getBody().front()) {
      if (isMessage(op))
        continue;
      ++ops;
      flops += flopsOf(&op);
      if (auto pull = dyn_cast<ps::PullDenseOp>(op))
        pulled += bytesOf(pull.getValue().getType());
      if (auto push = dyn_cast<ps::PushDenseOp>(op))
        pushed += bytesOf(push.getGradient().getType());
    }
    out_ << llvm::formatv(columns, program.getRole(), ops, formatNumber(flops.perExample), formatNumber(flops.perBatch),
                          formatNumber(pulled.perBatch), formatNumber(pushed.perBatch));
  }
}

/// A message and each of its tensors: what makes it, and what uses it first.
void Report::writeMessage(ps::ChannelOp channel) {
  ps::SendOp send = sends_.lookup(channel.getSymName());
  ps::RecvOp recv = recvs_.lookup(channel.getSymName());
  Amount bytes;
  for (Type type : send.getValues().getTypes())
    bytes += bytesOf(type);
  out_ << "  " << channel.getSymName() << ": " << channel.getSender() << " -> " << channel.getReceiver() << ", depth "
       << channel.getDepth() << ", " << describe(bytes, "B") << '\n';
  for (auto [sent, received] : llvm::zip_equal(send.getValues(), recv.getValues())) {
    out_ << "    " << typeOf(sent.getType()) << ", " << describe(bytesOf(sent.getType()), "B") << '\n';
    Operation *producer = producerOf(sent);
    out_ << "      from " << nameOf(producer) << ' ' << describeLocation(producer->getLoc()) << '\n';
    Operation *user = nullptr;
    for (Operation *candidate : received.getUsers()) {
      candidate = recv->getBlock()->findAncestorOpInBlock(*candidate);
      if (!user || candidate->isBeforeInBlock(user))
        user = candidate;
    }
    if (auto next = dyn_cast<ps::SendOp>(user))
      out_ << "      passed on by " << next.getChannel() << '\n';
    else
      out_ << "      to " << nameOf(user) << ' ' << describeLocation(user->getLoc()) << '\n';
  }
}

void Report::writeMessages(StringRef graph) {
  llvm::MapVector<std::pair<StringRef, StringRef>, std::pair<int64_t, Amount>> links;
  for (auto channel : module_.getOps<ps::ChannelOp>()) {
    if (channel.getGraph() != graph)
      continue;
    auto &[messages, bytes] = links[{channel.getSender(), channel.getReceiver()}];
    ++messages;
    for (Type type : channel.getTypes().getAsValueRange<TypeAttr>())
      bytes += bytesOf(type);
  }
  if (links.empty()) {
    out_ << "\nnothing crosses roles\n";
    return;
  }
  constexpr auto *columns = "{0,-24}{1,-24}{2,10}{3,11}{4,11}\n";
  out_ << '\n' << llvm::formatv(columns, "from", "to", "messages", "B/example", "B/batch");
  for (auto &[link, sum] : links)
    out_ << llvm::formatv(columns, link.first, link.second, sum.first, formatNumber(sum.second.perExample),
                          formatNumber(sum.second.perBatch));
  out_ << '\n';
  for (auto channel : module_.getOps<ps::ChannelOp>())
    if (channel.getGraph() == graph)
      writeMessage(channel);
}

/// The ops of a role, grouped by the reason why they are there.
void Report::writeOps(ps::ProgramOp program) {
  llvm::MapVector<StringRef, SmallVector<Operation *>> reasons;
  for (Operation &op : program.getBody().front())
    if (!isMessage(op))
      reasons[nn::getPlace(&op).getWhy()].push_back(&op);
  constexpr auto *columns = "{0,-32} {1,-24} {2,14}";
  if (reasons.empty()) {
    out_ << '\n' << program.getRole() << "\n  nothing to do\n";
    return;
  }
  out_ << '\n' << llvm::formatv(columns, program.getRole(), "", "FLOPs/example") << '\n';
  for (auto &[why, ops] : reasons) {
    out_ << "  " << why << ":\n";
    for (Operation *op : ops) {
      Amount flops = flopsOf(op);
      std::string cost = flops.perExample ? formatNumber(flops.perExample) : "";
      if (flops.perBatch)
        cost += " + " + formatNumber(flops.perBatch) + "/batch";
      if (auto precision = op->getAttrOfType<nn::PrecisionAttr>("precision");
          precision && precision.getValue() != nn::Precision::F32)
        cost += (" in " + nn::stringifyPrecision(precision.getValue())).str();
      std::string line = llvm::formatv(columns, "    " + nameOf(op), describeLocation(op->getLoc()), cost);
      out_ << StringRef(line).rtrim() << '\n';
    }
  }
}

void Report::writeGraph(StringRef graph) {
  SmallVector<ps::ProgramOp> programs;
  for (auto program : module_.getOps<ps::ProgramOp>())
    if (program.getGraph() == graph)
      programs.push_back(program);
  if (programs.empty())
    return;
  out_ << "\n==== " << graph << " ====\n\n";
  writeRoles(programs);
  writeMessages(graph);
  for (ps::ProgramOp program : programs)
    writeOps(program);
}

std::string Report::write() {
  auto mode = module_->getAttrOfType<StringAttr>(nn::kModeAttr);
  out_ << module_.getSymName().value_or("model") << (mode ? ", mode " + mode.getValue().str() : "") << "\n";
  out_ << "Counts follow from shapes: /example grows with the examples, /batch is once a\n"
          "micro-batch; a ragged value counts as one element an example. Pulled and pushed\n"
          "are dense parameters.\n\n";
  writeServer();
  writeGraph("train");
  writeGraph("infer");
  writeGraph("predict");
  return text_;
}

} // namespace

std::string compiler::explain(ModuleOp partitioned) { return Report(partitioned).write(); }
