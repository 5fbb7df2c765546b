// The transport over TCP: frames of a 4-byte big-endian length and that many bytes, as Thrift's TFramedTransport
// writes them, moved by Boost.Asio on one I/O thread.
#ifndef HETER_RUNTIME_RPC_ASIOTRANSPORT_H
#define HETER_RUNTIME_RPC_ASIOTRANSPORT_H

#include "runtime/base/Scheduler.h"
#include "runtime/rpc/Transport.h"

#include <memory>
#include <string>

namespace heter::runtime {

struct AsioOptions {
  size_t frameLimit = defaultFrameLimit;
};

/// Addresses are "HOST:PORT"; ":PORT" means loopback, and port 0 in `listen` picks a free one. Listeners and the I/O
/// thread see bytes only: listeners of links run as tasks of `scheduler`, which outlives the transport.
std::unique_ptr<Transport> makeAsioTransport(Scheduler &scheduler, AsioOptions options = {});

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_ASIOTRANSPORT_H
