// Thrift messages to frames and back: the one place where Thrift's protocol classes are used and where its exceptions
// become a Status.
#ifndef HETER_RUNTIME_RPC_CODEC_H
#define HETER_RUNTIME_RPC_CODEC_H

#include "runtime/base/Status.h"
#include "runtime/rpc/Transport.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace apache::thrift::protocol {
class TProtocol;
}

namespace heter::runtime {

/// Thrift's message types.
enum class MessageType { Call = 1, Reply = 2, Exception = 3 };

using WriteBody = std::function<void(apache::thrift::protocol::TProtocol *)>;
using ReadBody = std::function<void(apache::thrift::protocol::TProtocol *)>;

/// Encodes one message. `keep` owns what `body` writes, because long strings are referenced, not copied.
StatusOr<OutgoingFrame> encodeMessage(std::string_view method, MessageType type, int32_t sequence,
                                      const WriteBody &body, std::shared_ptr<const void> keep);

/// Encodes a Thrift TApplicationException, which every Thrift client understands.
OutgoingFrame encodeUnknownMethod(std::string_view method, int32_t sequence);

/// A frame whose message header has been read.
class MessageReader {
public:
  /// Errors: `invalidArgument` if the bytes are no Thrift message.
  static StatusOr<MessageReader> open(IncomingFrame frame);
  MessageReader(MessageReader &&) noexcept;
  MessageReader &operator=(MessageReader &&) noexcept;
  ~MessageReader();

  const std::string &method() const;
  MessageType type() const;
  int32_t sequence() const;
  /// How long the frame waited for a task.
  Duration waited() const;
  /// Reads the body once with `body`. Errors: `invalidArgument` if it does not parse or if bytes are left over.
  Status read(const ReadBody &body);
  /// REQUIRES: type() == Exception. The peer's TApplicationException as a status.
  Status readException();

private:
  struct Impl;
  explicit MessageReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_CODEC_H
