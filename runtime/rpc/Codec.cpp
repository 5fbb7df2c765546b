// Encoding and decoding of messages with Thrift's binary protocol over memory. Malformed bytes, oversized strings and
// endless containers end as a Status before they cost memory.
#include "runtime/rpc/Codec.h"

#include <thrift/TApplicationException.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <algorithm>
#include <limits>

namespace heter::runtime {
namespace {

using apache::thrift::TApplicationException;
using apache::thrift::TConfiguration;
using apache::thrift::protocol::TBinaryProtocolT;
using apache::thrift::protocol::TMessageType;
using apache::thrift::transport::TMemoryBuffer;
using apache::thrift::transport::TVirtualTransport;

/// No list of ours is longer; keeps a forged count from allocating much.
constexpr int32_t containerLimit = 1 << 16;

/// Collects what the protocol writes: short pieces copied, long ones referenced.
class GatherTransport final : public TVirtualTransport<GatherTransport> {
public:
  void write(const uint8_t *bytes, uint32_t size) {
    frame_.size += size;
    if (size < gatherThreshold) {
      frame_.text.append(reinterpret_cast<const char *>(bytes), size);
      return;
    }
    flushText();
    frame_.pieces.push_back({reinterpret_cast<const char *>(bytes), 0, size});
  }

  OutgoingFrame take() {
    flushText();
    return std::move(frame_);
  }

private:
  void flushText() {
    if (frame_.text.size() > textEnd_)
      frame_.pieces.push_back({nullptr, textEnd_, frame_.text.size() - textEnd_});
    textEnd_ = frame_.text.size();
  }

  OutgoingFrame frame_;
  size_t textEnd_ = 0;
};

/// The one wrapper around code of Thrift that throws.
Status guarded(std::string_view doing, const std::function<void()> &action) {
  try {
    action();
    return Status();
  } catch (const std::exception &error) {
    return Status::invalidArgument(std::string(doing) + ": " + error.what());
  }
}

} // namespace

StatusOr<OutgoingFrame> encodeMessage(std::string_view method, MessageType type, int32_t sequence,
                                      const WriteBody &body, std::shared_ptr<const void> keep) {
  auto transport = std::make_shared<GatherTransport>();
  HETER_RETURN_IF_ERROR(guarded("cannot encode the message", [&] {
    TBinaryProtocolT<GatherTransport> protocol(transport);
    protocol.writeMessageBegin(std::string(method), static_cast<TMessageType>(type), sequence);
    body(&protocol);
    protocol.writeMessageEnd();
  }));
  OutgoingFrame frame = transport->take();
  frame.keep = std::move(keep);
  return frame;
}

OutgoingFrame encodeUnknownMethod(std::string_view method, int32_t sequence) {
  TApplicationException unknown(TApplicationException::UNKNOWN_METHOD,
                                "there is no method '" + std::string(method) + "' here");
  auto frame = encodeMessage(
      method, MessageType::Exception, sequence, [&](auto *protocol) { unknown.write(protocol); }, nullptr);
  return frame.ok() ? std::move(*frame) : OutgoingFrame();
}

struct MessageReader::Impl {
  explicit Impl(IncomingFrame incoming)
      : frame(std::move(incoming)), transport(makeBuffer(frame)),
        protocol(transport, stringLimit(frame), containerLimit, /*strict_read=*/true, /*strict_write=*/true) {}

  static int32_t stringLimit(const IncomingFrame &frame) {
    return static_cast<int32_t>(std::clamp<size_t>(frame.size, 1, std::numeric_limits<int32_t>::max()));
  }
  static std::shared_ptr<TMemoryBuffer> makeBuffer(const IncomingFrame &frame) {
    auto *bytes = reinterpret_cast<uint8_t *>(const_cast<char *>(frame.bytes.get()));
    auto limits = std::make_shared<TConfiguration>(stringLimit(frame), stringLimit(frame));
    return std::make_shared<TMemoryBuffer>(bytes, static_cast<uint32_t>(frame.size), TMemoryBuffer::OBSERVE, limits);
  }

  IncomingFrame frame;
  std::shared_ptr<TMemoryBuffer> transport;
  TBinaryProtocolT<TMemoryBuffer> protocol;
  std::string method;
  TMessageType type = apache::thrift::protocol::T_CALL;
  int32_t sequence = 0;
};

MessageReader::MessageReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MessageReader::MessageReader(MessageReader &&) noexcept = default;
MessageReader &MessageReader::operator=(MessageReader &&) noexcept = default;
MessageReader::~MessageReader() = default;

StatusOr<MessageReader> MessageReader::open(IncomingFrame frame) {
  std::unique_ptr<Impl> impl;
  HETER_RETURN_IF_ERROR(guarded("not a thrift message", [&] {
    impl = std::make_unique<Impl>(std::move(frame));
    impl->protocol.readMessageBegin(impl->method, impl->type, impl->sequence);
  }));
  if (impl->type < apache::thrift::protocol::T_CALL || impl->type > apache::thrift::protocol::T_EXCEPTION)
    return Status::invalidArgument("thrift message type " + std::to_string(impl->type) +
                                   " is not a call, reply or exception");
  return MessageReader(std::move(impl));
}

const std::string &MessageReader::method() const { return impl_->method; }
MessageType MessageReader::type() const { return static_cast<MessageType>(impl_->type); }
int32_t MessageReader::sequence() const { return impl_->sequence; }
Duration MessageReader::waited() const { return impl_->frame.waited; }

Status MessageReader::read(const ReadBody &body) {
  HETER_RETURN_IF_ERROR(guarded("malformed body of " + impl_->method, [&] {
    body(&impl_->protocol);
    impl_->protocol.readMessageEnd();
  }));
  if (uint32_t rest = impl_->transport->available_read())
    return Status::invalidArgument("malformed body of " + impl_->method + ": " + std::to_string(rest) +
                                   " bytes are left over");
  return Status();
}

Status MessageReader::readException() {
  TApplicationException exception;
  HETER_RETURN_IF_ERROR(read([&](auto *protocol) { exception.read(protocol); }));
  if (exception.getType() == TApplicationException::UNKNOWN_METHOD)
    return Status::unimplemented(exception.what());
  return Status::internal(exception.what());
}

} // namespace heter::runtime
