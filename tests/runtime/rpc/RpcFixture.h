// A service and a client of it over each transport, for the tests of this folder.
#ifndef HETER_TESTS_RUNTIME_RPC_RPCFIXTURE_H
#define HETER_TESTS_RUNTIME_RPC_RPCFIXTURE_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/AsioTransport.h"
#include "runtime/rpc/Client.h"
#include "runtime/rpc/MemoryTransport.h"
#include "runtime/rpc/Service.h"

#include <algorithm>
#include <gtest/gtest.h>

#include <future>

namespace heter::runtime {

/// A service that answers `closeStep` after `step` milliseconds with version = step, never if step is negative, and
/// `pullRows` with the keys doubled as rows.
inline std::shared_ptr<Service> makeTestService(Scheduler &scheduler) {
  auto service = std::make_shared<Service>("server 0");
  service->on<rpc::CloseStep>([&scheduler, kept = std::make_shared<std::vector<Responder<rpc::CloseStep>>>()](
                                  const CallContext &, rpc::CloseStepRequest request, auto respond) {
    if (request.step < 0)
      return kept->push_back(respond);
    scheduler.postAt(scheduler.now() + std::chrono::milliseconds(std::min<int64_t>(request.step, 60000)),
                     [respond, step = request.step] {
                       rpc::CloseStepReply reply;
                       reply.version = step;
                       respond(std::move(reply));
                     });
  });
  service->on<rpc::PullRows>([](const CallContext &, rpc::PullRowsRequest request, auto respond) {
    if (request.table != 0)
      return respond(Status::notFound("there is no table " + std::to_string(request.table)));
    rpc::PullRowsReply reply;
    reply.version = request.minVersion;
    reply.rows = request.keys + request.keys;
    respond(std::move(reply));
  });
  return service;
}

inline rpc::CloseStepRequest closeStepRequest(int64_t step) {
  rpc::CloseStepRequest request;
  request.generation = 1;
  request.step = step;
  request.examples = 1;
  return request;
}

inline rpc::PullRowsRequest pullRowsRequest(std::string keys) {
  rpc::PullRowsRequest request;
  request.generation = 1;
  request.minVersion = 7;
  request.table = 0;
  request.part = 0;
  request.keys = std::move(keys);
  return request;
}

/// Calls and waits on the test's own thread. REQUIRES: a threaded scheduler.
template <typename M>
StatusOr<typename M::Reply> callAndWait(Client &client, typename M::Request request,
                                        Duration deadline = std::chrono::seconds(20), std::string what = "") {
  auto result = std::make_shared<std::promise<StatusOr<typename M::Reply>>>();
  client.call<M>(
      std::move(request), deadline,
      [result](StatusOr<typename M::Reply> reply) { result->set_value(std::move(reply)); }, std::move(what));
  return result->get_future().get();
}

} // namespace heter::runtime

#endif // HETER_TESTS_RUNTIME_RPC_RPCFIXTURE_H
