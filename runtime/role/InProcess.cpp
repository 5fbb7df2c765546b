// Putting the roles of a package together over a memory network.
#include "runtime/role/InProcess.h"

#include "runtime/base/Suggest.h"
#include "runtime/role/ClusterFile.h"
#include "runtime/role/Coordinator.h"
#include "runtime/role/Countdown.h"
#include "runtime/role/CpuTrainer.h"
#include "runtime/role/HeterTrainer.h"
#include "runtime/role/LocalTrainer.h"
#include "runtime/role/Predictions.h"
#include "runtime/role/Server.h"

#include <algorithm>
#include <set>

namespace heter::runtime {

Status checkOptions(const package::PackageInfo &info, const RunOptions &options) {
  if (options.dataFiles.empty())
    return Status::invalidArgument(std::string("no ") + (options.predict ? "" : "training ") +
                                   "data: give files with --data");
  if (options.predict && options.loadFolder.empty())
    return Status::invalidArgument("nothing to predict with: name a saved model with --load");
  HETER_RETURN_IF_ERROR(options.checkSaving());
  for (const auto &[what, count] :
       {std::pair("--servers", options.servers), std::pair("--cpu-trainers", options.cpuTrainers),
        std::pair("--in-flight", static_cast<int>(options.inFlight))})
    if (count < 1)
      return Status::invalidArgument(std::string(what) + " must be at least 1, not " + std::to_string(count));
  std::vector<std::string> classes = heterClasses(info);
  auto known = [&](const std::string &deviceClass) {
    return std::find(classes.begin(), classes.end(), deviceClass) != classes.end();
  };
  for (const auto &[deviceClass, count] : options.heterTrainers) {
    if (!deviceClass.empty() && info.mode == "heter-ps" && !known(deviceClass))
      return Status::invalidArgument("--heter-trainers: the package has no device class '" + deviceClass + "'" +
                                     didYouMean(deviceClass, classes));
    if (count < 1)
      return Status::invalidArgument("--heter-trainers must be at least 1, not " + std::to_string(count));
  }
  for (const auto &[deviceClass, device] : options.devices)
    if (!known(deviceClass) && info.mode == "heter-ps")
      return Status::invalidArgument("--device: the package has no device class '" + deviceClass + "'" +
                                     didYouMean(deviceClass, classes));
  return Status();
}

/// One role and its transport.
struct InProcessRun::State {
  State(const RunInputs &inputs, MemoryNetwork::Weather weather, bool watch)
      : inputs(inputs), watch(watch), network(inputs.scheduler, std::move(weather)) {}

  RoleContext context(Transport &transport) const {
    return {inputs.package, inputs.kernels, inputs.files, inputs.scheduler,
            transport,      inputs.options, watch,        /*ownProcess=*/false};
  }
  Transport &newTransport(const std::string &name) {
    transports.emplace_back(name, makeMemoryTransport(network, name));
    return *transports.back().second;
  }

  const RunInputs inputs;
  const bool watch;
  MemoryNetwork network;
  std::vector<std::pair<std::string, std::unique_ptr<Transport>>> transports;
  std::vector<std::shared_ptr<Role>> roles;
  std::shared_ptr<Coordinator> coordinator;
  std::shared_ptr<LocalTrainer> local;
  std::set<std::string> leftOut;
  StatusOr<RunResult> result{Status::internal("the run has no result")};
};

InProcessRun::InProcessRun(const RunInputs &inputs, MemoryNetwork::Weather weather, bool watch)
    : state_(std::make_shared<State>(inputs, std::move(weather), watch)) {}

InProcessRun::~InProcessRun() = default;

void InProcessRun::shutdown() {
  for (auto &[name, transport] : state_->transports)
    transport->shutdown();
}

void InProcessRun::leaveOut(const std::string &role, int index) { state_->leftOut.insert(displayName(role, index)); }

void InProcessRun::interrupt() {
  if (state_->local)
    state_->local->interrupt();
  if (state_->coordinator)
    state_->coordinator->interrupt();
}

void InProcessRun::cut(const std::string &role, int index) {
  for (auto &[name, transport] : state_->transports)
    if (name == displayName(role, index))
      transport->shutdown();
}

void InProcessRun::start(UniqueFunction<void(StatusOr<RunResult>)> ended) {
  State &state = *state_;
  const RunInputs &inputs = state.inputs;
  auto failLater = [&](Status status) {
    inputs.scheduler.post([ended = std::move(ended), status = std::move(status)]() mutable { ended(status); });
  };
  if (Status status = checkOptions(inputs.package.info, inputs.options); !status.ok())
    return failLater(std::move(status));
  if (inputs.options.predict)
    if (auto columns = predictionColumns(inputs.package); !columns.ok())
      return failLater(columns.status());
  if (inputs.package.info.mode == "local") {
    state.local = std::make_shared<LocalTrainer>(state.context(state.newTransport("local")), inputs.hooks);
    return state.local->start(std::move(ended));
  }
  ClusterFile cluster = loopbackCluster(inputs.package.info, inputs.options, "coordinator");
  state.coordinator =
      std::make_shared<Coordinator>(state.context(state.newTransport("coordinator")), cluster, inputs.hooks);
  if (auto address = state.coordinator->listen(); !address.ok())
    return failLater(address.status());

  auto add = [&](const std::string &role, size_t count, auto make) {
    for (size_t i = 0; i < count; ++i) {
      std::string name = displayName(role, static_cast<int>(i));
      if (state.leftOut.contains(name))
        continue;
      state.roles.push_back(make(state.context(state.newTransport(name)), static_cast<int>(i), name));
    }
  };
  add("server", cluster.servers.size(), [](const RoleContext &context, int index, const std::string &address) {
    return std::make_shared<Server>(context, index, address, "coordinator");
  });
  for (const auto &[deviceClass, addresses] : cluster.heterTrainers) {
    std::string role = heterTrainerPrefix + deviceClass;
    add(role, addresses.size(), [&role](const RoleContext &context, int index, const std::string &address) {
      return std::make_shared<HeterTrainer>(context, role, index, address, "coordinator");
    });
  }
  add("cpu-trainer", cluster.cpuTrainers.size(), [](const RoleContext &context, int index, const std::string &) {
    return std::make_shared<CpuTrainer>(context, index, "coordinator");
  });

  auto countdown = Countdown::create(
      static_cast<int>(state.roles.size()) + 1, [state = state_, ended = std::move(ended)](Status) mutable {
        state->inputs.scheduler.post([state, ended = std::move(ended)]() mutable { ended(std::move(state->result)); });
      });
  state.coordinator->start([state = state_, countdown](StatusOr<RunResult> result) {
    state->result = std::move(result);
    countdown->end(Status());
  });
  for (auto &role : state.roles)
    role->start([countdown](StatusOr<RoleSummary>) { countdown->end(Status()); });
}

} // namespace heter::runtime
