// Bytes on a listening socket: framing and the decoding of every method's request. Each input is one connection,
// and whatever it sent, the connections after it are served.
#include "runtime/base/Log.h"
#include "runtime/base/Scheduler.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/AsioTransport.h"
#include "runtime/rpc/Service.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/fuzz/Messages.h"

#include <boost/asio.hpp>

namespace heter::fuzz {

using namespace runtime;
using boost::asio::ip::tcp;

namespace {

size_t sizeOf(const unsigned char *length) {
  return static_cast<size_t>(length[0]) << 24 | length[1] << 16 | length[2] << 8 | length[3];
}

/// How many frames `bytes` are, or -1 if the last one is not whole.
int wholeFrames(std::string_view bytes) {
  int frames = 0;
  for (; bytes.size() >= 4; ++frames) {
    size_t size = sizeOf(reinterpret_cast<const unsigned char *>(bytes.data()));
    if (size > bytes.size() - 4)
      return -1;
    bytes.remove_prefix(4 + size);
  }
  return bytes.empty() ? frames : -1;
}

/// A service that answers every method at once.
class Peer {
public:
  Peer() {
    setLogSink([this](LogLevel, std::string_view line) {
      MutexLock lock(mutex_);
      lastLog_ = line;
    });
    forEachMethod([this]<typename M>(MethodTag<M>) {
      service_->on<M>([](const CallContext &, typename M::Request, auto respond) { respond(typename M::Reply()); });
    });
    auto address = transport_->listen("127.0.0.1:0", service_->acceptor());
    check(address.ok(), "cannot listen");
    port_ = static_cast<uint16_t>(std::stoi(address->substr(address->rfind(':') + 1)));
  }
  ~Peer() {
    service_->clear();
    transport_->shutdown();
  }

  /// What the peer logged last, which tells why it hung up.
  std::string lastLog() {
    MutexLock lock(mutex_);
    return lastLog_;
  }

  /// Sends bytes on a connection of their own and returns how many answers came back. Whole frames have an answer each,
  /// unless the peer hangs up; behind part of a frame we hang up, and wait for it to do the same.
  int talk(const std::string &bytes) {
    boost::system::error_code error;
    tcp::socket socket(io_, tcp::v4());
    // Each connection comes from another loopback address: the ports of one would soon be used up.
    socket.bind({boost::asio::ip::address_v4(0x7f000001u + (++connections_ & 0xfffff)), 0}, error);
    check(!error, "cannot bind: " + error.message());
    socket.connect({boost::asio::ip::address_v4::loopback(), port_}, error);
    while (error == boost::asio::error::interrupted)
      socket.wait(tcp::socket::wait_write, error);
    check(!error, "cannot connect: " + error.message());
    writeAll(socket, bytes);
    int frames = wholeFrames(bytes), answers = 0;
    if (frames < 0)
      socket.shutdown(tcp::socket::shutdown_send, error);
    for (; frames < 0 || answers < frames; ++answers)
      if (!readFrame(socket))
        break;
    socket.set_option(tcp::socket::linger(true, 0), error);
    return answers;
  }

private:
  // libFuzzer's alarm, which looks for inputs that take too long, interrupts calls that wait; they go on.

  /// Stops where the peer hangs up.
  static void writeAll(tcp::socket &socket, std::string_view bytes) {
    boost::system::error_code error;
    do
      bytes.remove_prefix(boost::asio::write(socket, boost::asio::buffer(bytes), error));
    while (error == boost::asio::error::interrupted);
  }
  static bool readAll(tcp::socket &socket, void *to, size_t size) {
    boost::system::error_code error;
    size_t done = 0;
    do
      done += boost::asio::read(socket, boost::asio::buffer(static_cast<char *>(to) + done, size - done), error);
    while (error == boost::asio::error::interrupted);
    return !error;
  }
  static bool readFrame(tcp::socket &socket) {
    unsigned char length[4] = {};
    if (!readAll(socket, length, sizeof length))
      return false;
    std::string body(sizeOf(length), '\0');
    return readAll(socket, body.data(), body.size());
  }

  Mutex mutex_;
  std::string lastLog_ HETER_GUARDED_BY(mutex_);
  std::unique_ptr<Scheduler> scheduler_ = makeThreadedScheduler(1);
  std::unique_ptr<Transport> transport_ = makeAsioTransport(*scheduler_);
  std::shared_ptr<Service> service_ = std::make_shared<Service>("peer");
  boost::asio::io_context io_;
  uint16_t port_ = 0;
  uint32_t connections_ = 0;
};

std::string framed(const std::string &body) {
  std::string frame;
  for (int shift = 24; shift >= 0; shift -= 8)
    frame += static_cast<char>(body.size() >> shift);
  return frame + body;
}

} // namespace

std::vector<Seed> seeds() {
  std::vector<Seed> result;
  std::string all;
  for (const Message &message : requests()) {
    result.push_back({message.name, framed(message.bytes)});
    all += framed(message.bytes);
  }
  result.push_back({"all", all});
  result.push_back({"oversized", "\xff\xff\xff\xff", false});
  result.push_back({"http", "GET / HTTP/1.1\r\n\r\n", false});
  return result;
}

bool accepts(std::string_view input) {
  static Peer peer;
  static const std::string good = framed(requests().front().bytes);
  static int count = 0;
  int answers = peer.talk(std::string(input));
  if (++count % 16 == 1)
    check(peer.talk(good) == 1, "a good call is not answered any more; the last log line: " + peer.lastLog());
  return answers > 0;
}

} // namespace heter::fuzz
