// Values that cross roles: their form on the wire, the port that a frame's SEND and RECV nodes use, and the mailbox
// that a heter-trainer keeps.
#ifndef HETER_RUNTIME_ROLE_CHANNELS_H
#define HETER_RUNTIME_ROLE_CHANNELS_H

#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/graph/Frame.h"
#include "runtime/rpc/Heter_types.h"

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace heter::runtime {

using WireValues = std::vector<rpc::WireValue>;
using WireValuesPtr = std::shared_ptr<const WireValues>;
using WireValuesReceiver = UniqueFunction<void(StatusOr<WireValuesPtr>)>;

/// Copies a node's inputs into their form on the wire.
WireValues packValues(const Frame &frame, const package::Node &node);
/// Gives received values to a node's outputs, which keep the memory. Fails if kinds, types or shapes do not fit.
Status unpackValues(Frame &frame, const package::Node &node, WireValuesPtr values);

rpc::FrameId frameId(const FrameInfo &info);
FrameInfo frameInfo(const rpc::FrameId &id);

/// Where a frame's SEND and RECV nodes lead. Thread-safe.
class ChannelPort {
public:
  virtual ~ChannelPort() = default;
  virtual void send(const FrameInfo &info, const std::string &channel, WireValues values, Completion done) = 0;
  virtual void receive(const FrameInfo &info, const std::string &channel, WireValuesReceiver done) = 0;
};

/// Matches what is put with what is taken, in either order, once for each (frame, channel). Thread-safe.
class Mailbox {
public:
  explicit Mailbox(Scheduler &scheduler) : scheduler_(scheduler) {}

  /// Keeps values until they are taken; a second put of the same key before that is dropped.
  void put(const rpc::FrameId &frame, const std::string &channel, WireValuesPtr values);
  /// `done` runs as a task or inside this call.
  void take(const rpc::FrameId &frame, const std::string &channel, WireValuesReceiver done);
  /// Fails everything that waits or comes later.
  void close(const Status &why);

private:
  using Key = std::tuple<int64_t, bool, int64_t, int32_t, int32_t, std::string>;
  static Key keyOf(const rpc::FrameId &frame, const std::string &channel) {
    return {frame.generation, frame.training, frame.step, frame.microBatch, frame.attempt, channel};
  }
  struct Slot {
    WireValuesPtr values;
    WireValuesReceiver waiting;
  };

  Scheduler &scheduler_;
  Mutex mutex_;
  Status closed_ HETER_GUARDED_BY(mutex_);
  std::map<Key, Slot> slots_ HETER_GUARDED_BY(mutex_);
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_ROLE_CHANNELS_H
