// Looking into the tables of a server while it trains or serves: a client that takes part in no run.
#ifndef HETER_RUNTIME_ROLE_LIVETABLES_H
#define HETER_RUNTIME_ROLE_LIVETABLES_H

#include "runtime/table/TableSource.h"

#include <memory>
#include <string>

namespace heter::runtime {

/// The tables of the server that listens at `address` ("host:port"): its share of their rows, each as it is when it is
/// read. Every answer has a deadline of controlDeadline and holds about a MiB at most. Blocks: for command lines.
StatusOr<std::unique_ptr<TableSource>> openLiveTables(const std::string &address);

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_LIVETABLES_H
