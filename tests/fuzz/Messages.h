// Well-formed messages of every method, and a way to visit all methods.
#ifndef HETER_TESTS_FUZZ_MESSAGES_H
#define HETER_TESTS_FUZZ_MESSAGES_H

#include "runtime/rpc/Methods.h"

#include <string>
#include <type_traits>
#include <vector>

namespace heter::fuzz {

template <typename M> using MethodTag = std::type_identity<M>;

/// Calls `visit(MethodTag<M>())` for every method that some role serves.
template <typename Visit> void forEachMethod(Visit visit) {
  namespace rpc = runtime::rpc;
  visit(MethodTag<rpc::Hello>());
  visit(MethodTag<rpc::Ping>());
  visit(MethodTag<rpc::PullRows>());
  visit(MethodTag<rpc::PullDense>());
  visit(MethodTag<rpc::Push>());
  visit(MethodTag<rpc::CloseStep>());
  visit(MethodTag<rpc::FinishSteps>());
  visit(MethodTag<rpc::MarkSave>());
  visit(MethodTag<rpc::HurrySave>());
  visit(MethodTag<rpc::Save>());
  visit(MethodTag<rpc::Load>());
  visit(MethodTag<rpc::Stats>());
  visit(MethodTag<rpc::ReadTable>());
  visit(MethodTag<rpc::RunFrame>());
  visit(MethodTag<rpc::Send>());
  visit(MethodTag<rpc::Receive>());
  visit(MethodTag<rpc::Join>());
  visit(MethodTag<rpc::Finished>());
  visit(MethodTag<rpc::EndOfData>());
  visit(MethodTag<rpc::Failed>());
  visit(MethodTag<rpc::WaitForEnd>());
  visit(MethodTag<rpc::Goodbye>());
}

struct Message {
  std::string name; ///< Its method.
  std::string bytes;
};

/// One call of every method; those to a server fit the model of tests/runtime/role/TinyModel.h.
std::vector<Message> requests();
/// One reply of every method, numbered 1 as the answer to a client's first call.
std::vector<Message> replies();

} // namespace heter::fuzz

#endif // HETER_TESTS_FUZZ_MESSAGES_H
