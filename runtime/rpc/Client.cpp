// A peer's lanes.
#include "runtime/rpc/Client.h"

namespace heter::runtime {

Client::Client(Transport &transport, Scheduler &scheduler, std::string address, std::string name, LaneOptions options)
    : address_(std::move(address)), name_(std::move(name)) {
  for (auto &lane : lanes_)
    lane = std::make_shared<Lane>(transport, scheduler, address_, name_, options);
}

Client::~Client() { close(); }

void Client::grantCredits(size_t bytes) {
  lane(LinkClass::Push).grantCredits(bytes);
  lane(LinkClass::Activation).grantCredits(bytes);
}

void Client::close() {
  for (auto &lane : lanes_)
    lane->close(Status::cancelled("closed the connection to " + name_));
}

Status Client::remoteStatus(int32_t code, std::string message) {
  bool known = code > static_cast<int32_t>(StatusCode::Ok) && code <= static_cast<int32_t>(StatusCode::Internal);
  return Status(known ? static_cast<StatusCode>(code) : StatusCode::Internal, std::move(message));
}

} // namespace heter::runtime
