// The graphs that a role runs, made ready on its device.
#ifndef HETER_RUNTIME_ROLE_PROGRAMS_H
#define HETER_RUNTIME_ROLE_PROGRAMS_H

#include "runtime/device/Device.h"
#include "runtime/graph/Executable.h"
#include "runtime/graph/Profile.h"
#include "runtime/package/Types.h"
#include "runtime/role/Role.h"

#include <memory>
#include <string>

namespace heter::runtime {

/// The graph of a frame. A run that predicts has no other than that for predicting.
inline const package::Graph &graphOf(const package::RoleProgram &program, const RunOptions &options, bool training) {
  return options.predict ? program.predict : training ? program.train : program.infer;
}

/// REQUIRES at destruction: no frame is running.
struct Programs {
  std::unique_ptr<Device> device;
  std::unique_ptr<Executable> train; ///< Null in a run that predicts.
  std::unique_ptr<Executable> forward;

  Executable &of(bool training) { return training ? *train : *forward; }

  /// `updates`: ExecutableOptions::updates of training.
  static StatusOr<Programs> create(const RoleContext &context, const std::string &role, bool updates = false) {
    const package::RoleProgram *program = context.package.find(role);
    if (!program)
      return Status::notFound("the package has no role '" + role + "'");
    Programs programs;
    HETER_ASSIGN_OR_RETURN(programs.device,
                           makeDevice(context.options.deviceOf(program->deviceClass), context.scheduler));
    ExecutableOptions options;
    options.poisonFreed = context.options.poisonFreed;
    options.examples = context.options.batchSize;
    auto make = [&](bool training) {
      options.updates = updates && training;
      const package::Graph &graph = graphOf(*program, context.options, training);
      options.nodeTimer = timerOf(context, role, graph,
                                  training                  ? "train"
                                  : context.options.predict ? "predict"
                                                            : "infer");
      return Executable::create(graph, context.kernels, *programs.device, context.scheduler, options);
    };
    if (!context.options.predict) {
      HETER_ASSIGN_OR_RETURN(programs.train, make(/*training=*/true));
    }
    HETER_ASSIGN_OR_RETURN(programs.forward, make(/*training=*/false));
    return programs;
  }

private:
  static bool waits(package::NodeKind::type kind) {
    using Kind = package::NodeKind;
    return kind == Kind::PULL_ROWS || kind == Kind::PULL_DENSE || kind == Kind::PUSH_ROWS || kind == Kind::PUSH_DENSE ||
           kind == Kind::SEND || kind == Kind::RECV;
  }
  /// Nodes are named as `heter inspect` numbers them; those of regions all count as their region's.
  static NodeTimer timerOf(const RoleContext &context, const std::string &role, const package::Graph &graph,
                           const std::string &which) {
    Profile *profile = context.options.profile;
    if (!profile)
      return nullptr;
    return [profile, role, &graph, which](const package::Node &node, const FrameInfo &info, TimePoint start,
                                          TimePoint end) {
      const package::Node *first = graph.nodes.data();
      bool own = !std::less<>()(&node, first) && std::less<>()(&node, first + graph.nodes.size());
      std::string number = own ? std::to_string(&node - first) + " " : "(in a region) ";
      profile->add({role, node.callee.empty() ? std::string(nodeKindName(node.kind)) : node.callee,
                    which + " " + number + node.name, node.location, waits(node.kind)},
                   info.key.step, start, end);
    };
  }
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_PROGRAMS_H
