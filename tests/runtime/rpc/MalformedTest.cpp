// Bytes that are no message of ours: the connection is closed with a logged reason, and the server goes on. So it does
// when it cannot accept connections for a while.
#include "tests/runtime/rpc/RpcFixture.h"

#include "runtime/base/Log.h"
#include "runtime/base/Random.h"

#include <boost/asio.hpp>
#include <gmock/gmock.h>

#include <sys/resource.h>
#include <unistd.h>

namespace heter::runtime {
namespace {

using boost::asio::ip::tcp;

class MalformedTest : public testing::Test {
protected:
  void SetUp() override {
    setLogSink([this](LogLevel, std::string_view line) {
      std::lock_guard lock(mutex_);
      log_ += std::string(line) + "\n";
    });
    auto address = transport_->listen("127.0.0.1:0", service_->acceptor());
    ASSERT_TRUE(address.ok());
    address_ = *address;
  }
  void TearDown() override {
    service_->clear();
    transport_->shutdown();
    scheduler_.reset();
    setLogSink(nullptr);
  }

  enum class Until { ServerHangsUp, FirstBytes, WeHangUp };

  /// Sends raw bytes and returns what comes back.
  std::string talk(const std::string &bytes, Until until) {
    boost::system::error_code error;
    tcp::socket socket(io_);
    socket.connect({boost::asio::ip::address_v4::loopback(),
                    static_cast<uint16_t>(std::stoi(address_.substr(address_.rfind(':') + 1)))},
                   error);
    EXPECT_FALSE(error);
    boost::asio::write(socket, boost::asio::buffer(bytes), error);
    if (until == Until::WeHangUp)
      socket.shutdown(tcp::socket::shutdown_send, error);
    std::string answer;
    size_t least = until == Until::FirstBytes ? 4 : 1 << 20;
    boost::asio::read(socket, boost::asio::dynamic_buffer(answer), boost::asio::transfer_at_least(least), error);
    return answer;
  }
  static std::string framed(const std::string &body) {
    std::string frame;
    for (int shift = 24; shift >= 0; shift -= 8)
      frame += static_cast<char>(body.size() >> shift);
    return frame + body;
  }
  static std::string encoded(int64_t step) {
    auto args = std::make_shared<rpc::Server_closeStep_args>();
    args->request = closeStepRequest(step);
    auto frame = encodeMessage("closeStep", MessageType::Call, 1, [&](auto *protocol) { args->write(protocol); }, args);
    std::string bytes;
    for (const auto &piece : frame->pieces)
      bytes.append(frame->at(piece), piece.size);
    return bytes;
  }
  std::string log() {
    std::lock_guard lock(mutex_);
    return log_;
  }

  std::mutex mutex_;
  std::string log_;
  boost::asio::io_context io_;
  std::unique_ptr<Scheduler> scheduler_ = makeThreadedScheduler(2);
  std::unique_ptr<Transport> transport_ = makeAsioTransport(*scheduler_);
  std::shared_ptr<Service> service_ = makeTestService(*scheduler_);
  std::string address_;
};

TEST_F(MalformedTest, AnswersAGoodFrame) { EXPECT_FALSE(talk(framed(encoded(0)), Until::FirstBytes).empty()); }

TEST_F(MalformedTest, ClosesOnAnOversizedLength) {
  EXPECT_EQ(talk("\xff\xff\xff\xff", Until::ServerHangsUp), "");
  EXPECT_THAT(log(), testing::HasSubstr("it sent a frame length of 4294967295 bytes, and 1 to 1073741824 are allowed"));
}

TEST_F(MalformedTest, ClosesOnText) {
  EXPECT_EQ(talk("GET / HTTP/1.1\r\n\r\n", Until::ServerHangsUp), "");
  EXPECT_THAT(log(), testing::HasSubstr("closed the connection"));
}

TEST_F(MalformedTest, ClosesOnATruncatedOrPaddedBody) {
  std::string good = encoded(0);
  EXPECT_EQ(talk(framed(good.substr(0, good.size() - 9)), Until::ServerHangsUp), "");
  EXPECT_THAT(log(), testing::HasSubstr("malformed body of closeStep"));
  talk(framed(good + "x"), Until::ServerHangsUp);
  EXPECT_THAT(log(), testing::HasSubstr("1 bytes are left over"));
}

TEST_F(MalformedTest, ClosesOnAForgedLength) {
  std::string good = encoded(0);
  size_t list = good.find(std::string("\x0f\x00\x04\x08", 4)); // field 4: list of i32
  ASSERT_NE(list, std::string::npos);
  good.replace(list + 4, 4, "\x7f\xff\xff\xff", 4);
  EXPECT_EQ(talk(framed(good), Until::ServerHangsUp), "");
  EXPECT_THAT(log(), testing::HasSubstr("malformed body of closeStep"));
}

TEST_F(MalformedTest, SurvivesRandomBytes) {
  auto key = philoxKey(1, "malformed frames");
  const std::string good = encoded(0);
  for (uint32_t round = 0; round < 400; ++round) {
    std::string body = good;
    auto words = philox4x32({round, 0, 0, 0}, key);
    size_t changes = 1 + words[0] % 8;
    for (uint32_t i = 0; i < changes; ++i) {
      auto change = philox4x32({round, i, 1, 0}, key);
      body[change[0] % body.size()] = static_cast<char>(change[1]);
    }
    if (words[1] % 4 == 0)
      body.resize(words[2] % body.size() + 1);
    talk(words[1] % 7 == 0 ? body : framed(body), Until::WeHangUp);
  }
  EXPECT_FALSE(talk(framed(good), Until::FirstBytes).empty());
}

TEST_F(MalformedTest, WaitsQuietlyWhileFileHandlesHaveRunOut) {
  tcp::socket socket(io_);
  boost::system::error_code error;
  socket.open(tcp::v4(), error);
  ASSERT_FALSE(error);
  int next = ::dup(STDIN_FILENO);
  ::close(next);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit full{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &full), 0);
  socket.connect({boost::asio::ip::address_v4::loopback(),
                  static_cast<uint16_t>(std::stoi(address_.substr(address_.rfind(':') + 1)))},
                 error);
  EXPECT_FALSE(error);
  TimePoint start = scheduler_->now();
  while (scheduler_->now() - start < std::chrono::milliseconds(600)) // Several tries long.
    ::usleep(10'000);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  boost::asio::write(socket, boost::asio::buffer(framed(encoded(0))), error);
  std::string answer;
  boost::asio::read(socket, boost::asio::dynamic_buffer(answer), boost::asio::transfer_at_least(4), error);
  EXPECT_FALSE(answer.empty()) << "it was accepted in the end";
  EXPECT_EQ(log(), "cannot accept a connection: Too many open files; trying on\n");
}

} // namespace
} // namespace heter::runtime
