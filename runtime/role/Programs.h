// A role's two graphs made ready to run on its device.
#ifndef HETER_RUNTIME_ROLE_PROGRAMS_H
#define HETER_RUNTIME_ROLE_PROGRAMS_H

#include "runtime/device/Device.h"
#include "runtime/graph/Executable.h"
#include "runtime/role/Role.h"

#include <memory>
#include <string>

namespace heter::runtime {

/// REQUIRES at destruction: no frame is running.
struct Programs {
  std::unique_ptr<Device> device;
  std::unique_ptr<Executable> train, infer;

  Executable &of(bool training) { return training ? *train : *infer; }

  static StatusOr<Programs> create(const RoleContext &context, const std::string &role) {
    const package::RoleProgram *program = context.package.find(role);
    if (!program)
      return Status::notFound("the package has no role '" + role + "'");
    Programs programs;
    HETER_ASSIGN_OR_RETURN(programs.device,
                           makeDevice(context.options.deviceOf(program->deviceClass), context.scheduler));
    ExecutableOptions options;
    options.poisonFreed = context.options.poisonFreed;
    HETER_ASSIGN_OR_RETURN(programs.train, Executable::create(program->train, context.kernels, *programs.device,
                                                              context.scheduler, options));
    HETER_ASSIGN_OR_RETURN(programs.infer, Executable::create(program->infer, context.kernels, *programs.device,
                                                              context.scheduler, options));
    return programs;
  }
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_PROGRAMS_H
