// Listening, dialling and the I/O thread. Errors come back as error_codes, so nothing throws past this file.
#include "runtime/rpc/AsioTransport.h"

#include "runtime/base/Log.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/rpc/AsioLink.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace heter::runtime {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// How long a listener rests when it cannot accept, for example because file handles have run out.
constexpr std::chrono::milliseconds acceptPause(100);

struct HostPort {
  std::string host, port;
};

StatusOr<HostPort> parseAddress(const std::string &address) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size())
    return Status::invalidArgument("address '" + address + "' is not HOST:PORT");
  HostPort result{address.substr(0, colon), address.substr(colon + 1)};
  bool digits = std::all_of(result.port.begin(), result.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || result.port.size() > 5 || std::stoi(result.port) > 65535)
    return Status::invalidArgument("address '" + address + "' has no port number from 0 to 65535");
  if (result.host.empty())
    result.host = "127.0.0.1";
  if (result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']')
    result.host = result.host.substr(1, result.host.size() - 2);
  return result;
}

std::string describe(const tcp::endpoint &endpoint) {
  std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

class AsioTransport final : public Transport {
public:
  AsioTransport(Scheduler &scheduler, AsioOptions options)
      : scheduler_(scheduler), options_(options), counters_(std::make_shared<WireCounters>()),
        work_(io_->get_executor()), thread_([this] { io_->run(); }) {}
  ~AsioTransport() override { shutdown(); }

  StatusOr<std::string> listen(const std::string &address, Acceptor acceptor) override {
    HETER_ASSIGN_OR_RETURN(HostPort parsed, parseAddress(address));
    error_code error;
    auto fail = [&] { return Status::failedPrecondition("cannot listen at " + address + ": " + error.message()); };
    tcp::resolver resolver(*io_);
    auto found = resolver.resolve(parsed.host, parsed.port, tcp::resolver::passive, error);
    if (error)
      return fail();
    auto listener = std::make_shared<Listening>(*io_);
    listener->accepted = std::move(acceptor);
    tcp::acceptor &socket = listener->socket;
    tcp::endpoint endpoint = found.begin()->endpoint();
    if (socket.open(endpoint.protocol(), error) || socket.set_option(tcp::acceptor::reuse_address(true), error) ||
        socket.bind(endpoint, error) || socket.listen(asio::socket_base::max_listen_connections, error))
      return fail();
    std::string bound = parsed.host + ":" + std::to_string(socket.local_endpoint(error).port());
    asio::post(*io_, [this, listener] {
      listeners_.push_back(listener);
      accept(listener);
    });
    return bound;
  }

  void dial(const std::string &address, std::shared_ptr<LinkListener> listener, Dialed done) override {
    StatusOr<HostPort> parsed = parseAddress(address);
    if (!parsed.ok())
      return answer(std::move(done), parsed.status());
    auto attempt = std::make_shared<Attempt>(*io_);
    attempt->address = address;
    attempt->listener = std::move(listener);
    attempt->done = std::move(done);
    asio::post(*io_, [this, attempt, parsed = *parsed] {
      if (stopping_)
        return answer(std::move(attempt->done), Status::cancelled("the transport was shut down"));
      std::erase_if(attempts_, [](const auto &weak) { return weak.expired(); });
      attempts_.push_back(attempt);
      attempt->resolver.async_resolve(parsed.host, parsed.port,
                                      [this, attempt](error_code error, const tcp::resolver::results_type &found) {
                                        error ? finishDial(*attempt, error) : connect(attempt, found);
                                      });
    });
  }

  void shutdown() override {
    MutexLock lock(shutdownMutex_);
    if (!thread_.joinable())
      return;
    asio::post(*io_, [this] {
      stopping_ = true;
      for (auto &listener : listeners_) {
        error_code ignored;
        listener->socket.close(ignored);
        listener->pause.cancel(ignored);
      }
      for (auto &weak : attempts_)
        if (auto attempt = weak.lock()) {
          error_code ignored;
          attempt->resolver.cancel();
          attempt->socket.close(ignored);
        }
      for (auto &weak : links_)
        if (auto link = weak.lock())
          link->close(Status::cancelled("closed the connection"));
      work_.reset(); // The thread ends when the last link has.
    });
    thread_.join();
    io_->restart();
    io_->poll(); // Frees what was posted to links that had ended.
  }

  WireCounts counts() const override {
    return {counters_->bytesSent, counters_->bytesReceived, counters_->framesSent, counters_->framesReceived};
  }

private:
  struct Attempt {
    explicit Attempt(asio::io_context &io) : resolver(io), socket(io) {}
    tcp::resolver resolver;
    tcp::socket socket;
    std::string address;
    std::shared_ptr<LinkListener> listener;
    Dialed done;
  };

  void answer(Dialed done, StatusOr<std::shared_ptr<Link>> result) {
    scheduler_.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  void connect(const std::shared_ptr<Attempt> &attempt, const tcp::resolver::results_type &found) {
    if (stopping_)
      return finishDial(*attempt, asio::error::operation_aborted);
    asio::async_connect(attempt->socket, found,
                        [this, attempt](error_code error, const tcp::endpoint &) { finishDial(*attempt, error); });
  }

  void finishDial(Attempt &attempt, error_code error) {
    if (stopping_)
      return answer(std::move(attempt.done), Status::cancelled("the transport was shut down"));
    if (error)
      return answer(std::move(attempt.done), Status::unavailable(error.message()));
    auto link = adopt(std::move(attempt.socket), attempt.address);
    link->start(std::make_shared<Delivery>(scheduler_, std::move(attempt.listener)));
    answer(std::move(attempt.done), std::shared_ptr<Link>(link));
  }

  struct Listening {
    explicit Listening(asio::io_context &io) : socket(io), pause(io) {}
    tcp::acceptor socket;
    asio::steady_timer pause;
    Acceptor accepted;
    bool failing = false; ///< The last accept failed, and the log says so.
  };

  void accept(const std::shared_ptr<Listening> &listener) {
    listener->socket.async_accept([this, listener](error_code error, tcp::socket socket) {
      if (stopping_ || error == asio::error::operation_aborted)
        return;
      if (error)
        return acceptLater(listener, error);
      listener->failing = false;
      error_code gone;
      tcp::endpoint remote = socket.remote_endpoint(gone);
      if (!gone) {
        auto link = adopt(std::move(socket), describe(remote));
        link->start(std::make_shared<Delivery>(scheduler_, listener->accepted(link)));
      }
      accept(listener);
    });
  }

  /// What failed once fails at once again until something changes, so trying goes on at leisure.
  void acceptLater(const std::shared_ptr<Listening> &listener, error_code error) {
    if (!std::exchange(listener->failing, true))
      logWarning("cannot accept a connection: " + error.message() + "; trying on");
    listener->pause.expires_after(acceptPause);
    listener->pause.async_wait([this, listener](error_code cancelled) {
      if (!cancelled && !stopping_)
        accept(listener);
    });
  }

  std::shared_ptr<AsioLink> adopt(tcp::socket socket, std::string remote) {
    auto link = std::make_shared<AsioLink>(scheduler_, io_, std::move(socket), std::move(remote), counters_,
                                           options_.frameLimit);
    std::erase_if(links_, [](const auto &weak) { return weak.expired(); });
    links_.push_back(link);
    return link;
  }

  Scheduler &scheduler_;
  const AsioOptions options_;
  const std::shared_ptr<WireCounters> counters_;
  const std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::shared_ptr<Listening>> listeners_; // I/O thread only
  std::vector<std::weak_ptr<Attempt>> attempts_;      // I/O thread only; dials under way
  std::vector<std::weak_ptr<AsioLink>> links_;        // I/O thread only
  bool stopping_ = false;                             // I/O thread only
  Mutex shutdownMutex_;                               ///< Held while the thread is joined.
  std::thread thread_;
};

} // namespace

std::unique_ptr<Transport> makeAsioTransport(Scheduler &scheduler, AsioOptions options) {
  return std::make_unique<AsioTransport>(scheduler, options);
}

} // namespace heter::runtime
