// The transport inside one process: the same frames as over TCP, delivered as scheduler tasks, with an optional delay
// for each frame. `heter run` uses it to run all roles together, and tests to run a cluster under virtual time.
#ifndef HETER_RUNTIME_RPC_MEMORYTRANSPORT_H
#define HETER_RUNTIME_RPC_MEMORYTRANSPORT_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/Transport.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace heter::runtime {

/// The addresses that transports of one process can dial. Thread-safe.
class MemoryNetwork {
public:
  /// The delay of frame number `number` of the network; frames may overtake each other. May be called on any thread.
  using DelayHook = std::function<Duration(uint64_t number)>;

  /// `scheduler` outlives the network and its transports.
  explicit MemoryNetwork(Scheduler &scheduler, DelayHook delay = nullptr);
  ~MemoryNetwork();

  /// A delay uniform in [0, longest), a pure function of (seed, frame number).
  static DelayHook randomDelay(uint64_t seed, Duration longest);

private:
  friend class MemoryTransport;
  struct State;
  std::shared_ptr<State> state_;
};

/// A transport of one role on `network`; any text is an address.
std::unique_ptr<Transport> makeMemoryTransport(MemoryNetwork &network);

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_MEMORYTRANSPORT_H
