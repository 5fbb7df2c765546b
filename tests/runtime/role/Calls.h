// Calls of a role under virtual time, which answer before the test goes on.
#ifndef HETER_TESTS_RUNTIME_ROLE_CALLS_H
#define HETER_TESTS_RUNTIME_ROLE_CALLS_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/Client.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace heter::runtime::test {

/// Calls, and runs `scheduler` until the answer is there.
template <typename M>
StatusOr<typename M::Reply> callAndRun(Client &client, SimulatedScheduler &scheduler, typename M::Request request,
                                       Duration deadline) {
  std::optional<StatusOr<typename M::Reply>> result;
  client.call<M>(std::move(request), deadline,
                 [&](StatusOr<typename M::Reply> reply) { result.emplace(std::move(reply)); });
  if (!scheduler.runUntil([&] { return result.has_value(); })) {
    ADD_FAILURE() << "no answer to " << M::name;
    return Status::internal("no answer");
  }
  return std::move(*result);
}

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_ROLE_CALLS_H
