// A watched lane to a peer behind a slow line: bytes that move count as life, even if no frame is whole for longer than
// the lane bears silence. The peer is a bare socket, so that the test decides on each byte.
#include "tests/runtime/rpc/RpcFixture.h"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace heter::runtime {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr Duration silence = milliseconds(1500); ///< A busy machine may stand still for some of it.
constexpr Duration pause = milliseconds(125);

/// Listens on a port of its own and serves one connection on a thread.
class BareServer {
public:
  explicit BareServer(std::function<void(int socket)> serve) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    int small = 64 << 10; // Large frames do not vanish in buffers.
    EXPECT_EQ(::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr *>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &length), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, serve = std::move(serve)] {
      int socket = ::accept(listener_, nullptr, nullptr);
      serve(socket);
      ::close(socket);
    });
  }
  ~BareServer() {
    thread_.join();
    ::close(listener_);
  }
  const std::string &address() const { return address_; }

private:
  int listener_ = -1;
  std::string address_;
  std::thread thread_;
};

std::string readExactly(int socket, size_t size) {
  std::string bytes(size, '\0');
  for (size_t done = 0; done < size;) {
    ssize_t got = ::recv(socket, bytes.data() + done, std::min<size_t>(size - done, 1 << 20), 0);
    if (got <= 0)
      return bytes.substr(0, done);
    done += static_cast<size_t>(got);
  }
  return bytes;
}

size_t readLength(int socket) {
  std::string bytes = readExactly(socket, 4);
  uint32_t length = 0;
  for (char byte : bytes)
    length = length << 8 | static_cast<unsigned char>(byte);
  return length;
}

/// The reply to call 1 with its length, as one text.
template <typename Result> std::string replyFrame(std::string_view method, const Result &result) {
  auto frame = encodeMessage(method, MessageType::Reply, 1, [&](auto *protocol) { result.write(protocol); }, nullptr);
  EXPECT_TRUE(frame.ok());
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8)
    text += static_cast<char>(frame->size >> shift);
  for (const auto &piece : frame->pieces)
    text.append(frame->at(piece), piece.size);
  return text;
}

std::string closeStepReply(int64_t version) {
  rpc::Server_closeStep_result result;
  result.success.version = version;
  result.__isset.success = true;
  return replyFrame("closeStep", result);
}

class SlowPeerTest : public testing::Test {
protected:
  ~SlowPeerTest() override { transport_->shutdown(); }
  std::unique_ptr<Client> clientOf(const BareServer &server) {
    return std::make_unique<Client>(*transport_, *scheduler_, server.address(), "server 0",
                                    LaneOptions{.watch = true, .silence = silence});
  }
  std::unique_ptr<Scheduler> scheduler_ = makeThreadedScheduler(1);
  std::unique_ptr<Transport> transport_ = makeAsioTransport(*scheduler_);
};

TEST_F(SlowPeerTest, AReplyThatComesByteByByteIsWaitedFor) {
  BareServer server([](int socket) {
    readExactly(socket, readLength(socket));
    for (char byte : closeStepReply(7).substr(0, 16)) {
      ::send(socket, &byte, 1, MSG_NOSIGNAL);
      std::this_thread::sleep_for(pause);
    }
    std::string rest = closeStepReply(7).substr(16);
    ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    readExactly(socket, 1 << 20); // Until the caller hangs up.
  });
  auto client = clientOf(server);
  auto reply = callAndWait<rpc::CloseStep>(*client, closeStepRequest(6));
  ASSERT_TRUE(reply.ok()) << reply.status().message();
  EXPECT_EQ(reply->version, 7);
  client->close();
}

TEST_F(SlowPeerTest, AReplyThatStopsMidwayIsASilence) {
  BareServer server([](int socket) {
    readExactly(socket, readLength(socket));
    ::send(socket, closeStepReply(7).data(), 10, MSG_NOSIGNAL);
    readExactly(socket, 1 << 20);
  });
  auto client = clientOf(server);
  auto reply = callAndWait<rpc::CloseStep>(*client, closeStepRequest(6));
  EXPECT_THAT(reply.status().message(), HasSubstr("it has been silent for 1.5 s"));
}

TEST_F(SlowPeerTest, ACallThatLeavesSlowlyIsWaitedFor) {
  static constexpr size_t size = 40 << 20, step = 2 << 20;
  BareServer server([](int socket) {
    size_t left = readLength(socket);
    for (; left > 0; left -= std::min(left, step)) {
      std::this_thread::sleep_for(pause);
      readExactly(socket, std::min(left, step));
    }
    rpc::Server_push_result result;
    result.__isset.success = true;
    std::string reply = replyFrame("push", result);
    ::send(socket, reply.data(), reply.size(), MSG_NOSIGNAL);
    readExactly(socket, 1 << 20);
  });
  auto client = clientOf(server);
  rpc::PushRequest push;
  push.values.assign(size, 'v');
  auto reply = callAndWait<rpc::Push>(*client, std::move(push));
  EXPECT_TRUE(reply.ok()) << reply.status().message();
  client->close();
}

} // namespace
} // namespace heter::runtime
