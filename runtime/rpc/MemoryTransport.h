// The transport inside one process: the same frames as over TCP, delivered as scheduler tasks. `heter run` uses it to
// run all roles together, and tests to run a cluster under virtual time whose frames are late, lost or doubled.
#ifndef HETER_RUNTIME_RPC_MEMORYTRANSPORT_H
#define HETER_RUNTIME_RPC_MEMORYTRANSPORT_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/Transport.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace heter::runtime {

/// The addresses that transports of one process can dial. Thread-safe.
class MemoryNetwork {
public:
  /// A frame on its way between two transports, by their names.
  struct Sent {
    uint64_t number; ///< Of the network's frames.
    const std::string &from;
    const std::string &to;
    const IncomingFrame &frame; ///< Empty: the news that `from` has closed the link, which may only be lost.
  };
  struct Fate {
    Duration delay{}; ///< Frames may overtake each other.
    int copies = 1;   ///< 0: it is lost.
  };
  /// Decides on each frame. May be called on any thread.
  using Weather = std::function<Fate(const Sent &)>;

  /// `scheduler` outlives the network and its transports. Without `weather` every frame arrives at once.
  explicit MemoryNetwork(Scheduler &scheduler, Weather weather = nullptr);
  ~MemoryNetwork();

  /// A delay uniform in [0, longest), a pure function of (seed, frame number).
  static Weather randomDelay(uint64_t seed, Duration longest);

private:
  friend class MemoryTransport;
  struct State;
  std::shared_ptr<State> state_;
};

/// A transport of one role on `network`; any text is an address. `name` is what the weather knows it by.
std::unique_ptr<Transport> makeMemoryTransport(MemoryNetwork &network, std::string name = "");

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_MEMORYTRANSPORT_H
