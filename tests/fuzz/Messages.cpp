// The messages that fuzzing of RPC starts from.
#include "tests/fuzz/Messages.h"

#include "runtime/rpc/Codec.h"
#include "tests/fuzz/Fuzz.h"

#include <memory>

namespace heter::fuzz {

using namespace runtime;

namespace {

template <typename T> std::string raw(std::vector<T> values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

// What a message's fields hold beyond nothing. The general case leaves them as they are.
void fill(auto &) {}

void fill(rpc::HelloRequest &request) {
  request.caller.role = "cpu-trainer";
  request.programHash = "tiny-ps";
  request.mode = "ps";
  request.generation = 1;
}
void fill(rpc::PullRowsRequest &request) {
  request.generation = 1;
  request.keys = raw<uint64_t>({77, 78});
}
void fill(rpc::PullDenseRequest &request) {
  request.generation = 1;
  request.haveRevision = -1;
  request.parameters = {0};
}
rpc::DensePiece piece() {
  rpc::DensePiece piece;
  piece.values = raw<float>({1, 2, 3});
  return piece;
}
void fill(rpc::PushRequest &request) {
  request.generation = 1;
  request.examples = 4;
  request.keys = raw<uint64_t>({77});
  request.values = raw<float>({4, -4});
}
void fill(rpc::CloseStepRequest &request) {
  request.generation = 1;
  request.microBatches = {0};
  request.examples = 4;
}
void fill(rpc::FinishStepsRequest &request) { request.generation = 1; }
void fill(rpc::MarkSaveRequest &request) { request.generation = 1; }
void fill(rpc::HurrySaveRequest &request) { request.generation = 1; }
void fill(rpc::ReadTableRequest &request) {
  request.table = "emb";
  request.keys = raw<uint64_t>({77});
}
void fill(rpc::SaveRequest &request) {
  request.generation = 1;
  request.folder = "saved";
  request.saveNumber = 1;
}
void fill(rpc::LoadRequest &request) {
  request.generation = 1;
  request.folder = "saved";
}
rpc::WireValue wireValue() {
  rpc::WireValue value;
  value.kind = 1;
  value.element = 1;
  value.shape = {2, 2};
  value.data = raw<float>({1, 2, 3, 4});
  return value;
}
void fill(rpc::SendRequest &request) {
  request.channel = "c0";
  request.values = {wireValue()};
}
void fill(rpc::JoinRequest &request) {
  request.caller.role = "server";
  request.programHash = "tiny-ps";
  request.mode = "ps";
  request.address = "127.0.0.1:1";
}
void fill(rpc::FinishedRequest &request) {
  rpc::ReportedMetric metric;
  metric.metric = "auc";
  metric.predictions = raw<float>({0.5f});
  metric.labels = raw<float>({1});
  request.metrics = {metric};
}

void fill(rpc::PullRowsReply &reply) { reply.rows = raw<float>({1, 2, 3, 4}); }
void fill(rpc::PullDenseReply &reply) { reply.pieces = {piece()}; }
void fill(rpc::ReceiveReply &reply) { reply.values = {wireValue(), wireValue()}; }
void fill(rpc::JoinReply &reply) {
  reply.servers = {"127.0.0.1:1"};
  reply.heterTrainers["heter-trainer.gpu"] = {"127.0.0.1:2", "127.0.0.1:3"};
}
void fill(rpc::StatsReply &reply) { reply.rows["emb"] = 3; }

template <typename T> std::string encoded(std::string_view method, MessageType type, const T &body) {
  // Calls as a stock client numbers them, so that none counts as the repetition of another; replies to our first call.
  int32_t sequence = type == MessageType::Call ? 0 : 1;
  auto frame = encodeMessage(method, type, sequence, [&](auto *protocol) { body.write(protocol); }, nullptr);
  check(frame.ok(), "a message is not encoded");
  std::string bytes;
  for (const auto &piece : frame->pieces)
    bytes.append(frame->at(piece), piece.size);
  return bytes;
}

} // namespace

std::vector<Message> requests() {
  std::vector<Message> result;
  forEachMethod([&]<typename M>(MethodTag<M>) {
    typename M::Args args;
    args.request.deadlineMicros = 1000000;
    fill(args.request);
    args.__isset.request = true;
    result.push_back({std::string(M::name), encoded(M::name, MessageType::Call, args)});
  });
  rpc::Server_push_args dense;
  fill(dense.request);
  dense.request.table = -1;
  dense.request.keys.clear();
  dense.request.values.clear();
  dense.request.pieces = {piece()};
  dense.__isset.request = true;
  result.push_back({"push-dense", encoded("push", MessageType::Call, dense)});
  return result;
}

std::vector<Message> replies() {
  std::vector<Message> result;
  forEachMethod([&]<typename M>(MethodTag<M>) {
    typename M::Result reply;
    fill(reply.success);
    reply.__isset.success = true;
    result.push_back({std::string(M::name), encoded(M::name, MessageType::Reply, reply)});
  });
  return result;
}

} // namespace heter::fuzz
