// Frames on a socket. Errors come back as error_codes, so nothing throws past this file.
#include "runtime/rpc/AsioLink.h"

#include "runtime/base/Log.h"

#include <utility>

namespace heter::runtime {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// How long a closing link waits for its last frames to leave and for the other end to hang up.
constexpr std::chrono::seconds closePatience(1);
/// Frames that one gathered write may hold.
constexpr size_t framesPerWrite = 16;

} // namespace

struct AsioLink::Batch {
  std::vector<FramePtr> frames;
  std::vector<Length> lengths;
  std::vector<asio::const_buffer> buffers;
  int64_t bytes = 0;
};

AsioLink::AsioLink(Scheduler &scheduler, std::shared_ptr<asio::io_context> io, Socket socket, std::string remote,
                   std::shared_ptr<WireCounters> counters, size_t frameLimit)
    : scheduler_(scheduler), io_(std::move(io)), socket_(std::move(socket)), timer_(socket_.get_executor()),
      remote_(std::move(remote)), counters_(std::move(counters)), frameLimit_(frameLimit) {}

/// For transfers of `size` bytes: moves all that it can, and notes each time that more can be moved. Of a write the
/// first piece says nothing, since it goes into buffers on this side.
auto AsioLink::whileMoving(size_t size) {
  return [self = shared_from_this(), size](const error_code &error, size_t moved) -> size_t {
    if (error || moved == size)
      return 0;
    if (moved > 0)
      self->lastActive_ = self->scheduler_.now();
    return size - moved;
  };
}

void AsioLink::start(std::shared_ptr<Delivery> delivery) {
  delivery_ = std::move(delivery);
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  readLength();
}

void AsioLink::send(FramePtr frame) {
  if (frame->size > frameLimit_)
    return close(Status::invalidArgument("a frame of " + std::to_string(frame->size) + " bytes is over the limit of " +
                                         std::to_string(frameLimit_)));
  if (ended_)
    return;
  MutexLock lock(mutex_);
  queue_.push_back(std::move(frame));
  if (writing_)
    return;
  writing_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->writeSome(); });
}

void AsioLink::close(Status why) {
  if (ended_)
    return;
  asio::post(socket_.get_executor(), [self = shared_from_this(), why = std::move(why)] { self->beginClose(why); });
}

void AsioLink::readLength() {
  asio::async_read(socket_, asio::buffer(length_), [self = shared_from_this()](error_code error, size_t) {
    if (error)
      return self->broken(error);
    self->lastActive_ = self->scheduler_.now();
    size_t size = 0;
    for (unsigned char byte : self->length_)
      size = size << 8 | byte;
    if (size == 0 || size > self->frameLimit_)
      return self->malformed(size);
    self->readFrame(size);
  });
}

void AsioLink::readFrame(size_t size) {
  std::shared_ptr<char[]> bytes = std::make_unique_for_overwrite<char[]>(size);
  auto buffer = asio::buffer(bytes.get(), size);
  asio::async_read(socket_, buffer, whileMoving(size),
                   [self = shared_from_this(), bytes, size](error_code error, size_t) {
                     if (error)
                       return self->broken(error);
                     self->counters_->bytesReceived += static_cast<int64_t>(size + lengthBytes);
                     ++self->counters_->framesReceived;
                     self->delivery_->frame(IncomingFrame{bytes, size});
                     self->readLength();
                   });
}

void AsioLink::malformed(size_t size) {
  Status why = Status::invalidArgument("it sent a frame length of " + std::to_string(size) + " bytes, and 1 to " +
                                       std::to_string(frameLimit_) + " are allowed");
  logWarning("closed the connection with " + remote_ + ": " + why.message());
  finish(why);
}

void AsioLink::broken(error_code error) {
  if (error == asio::error::eof)
    return finish(Status::unavailable("the other end closed the connection"));
  finish(Status::unavailable(error.message()));
}

void AsioLink::writeSome() {
  auto batch = std::make_shared<Batch>();
  {
    MutexLock lock(mutex_);
    while (!queue_.empty() && batch->frames.size() < framesPerWrite) {
      batch->frames.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    if (batch->frames.empty())
      writing_ = false;
  }
  if (batch->frames.empty()) {
    if (closing_)
      hangUp();
    return;
  }
  if (ended_)
    return; // `writing_` stays set: later frames wait in the queue until the link goes.
  gather(*batch);
  auto size = static_cast<size_t>(batch->bytes);
  asio::async_write(socket_, batch->buffers, whileMoving(size),
                    [self = shared_from_this(), batch](error_code error, size_t) {
                      if (error)
                        return self->broken(error);
                      self->counters_->bytesSent += batch->bytes;
                      self->counters_->framesSent += static_cast<int64_t>(batch->frames.size());
                      self->writeSome();
                    });
}

void AsioLink::gather(Batch &batch) {
  batch.lengths.resize(batch.frames.size());
  for (size_t i = 0; i < batch.frames.size(); ++i) {
    const OutgoingFrame &frame = *batch.frames[i];
    for (size_t byte = 0; byte < lengthBytes; ++byte)
      batch.lengths[i][byte] = static_cast<unsigned char>(frame.size >> (8 * (lengthBytes - 1 - byte)));
    batch.buffers.push_back(asio::buffer(batch.lengths[i]));
    for (const OutgoingFrame::Piece &piece : frame.pieces)
      batch.buffers.emplace_back(frame.at(piece), piece.size);
    batch.bytes += static_cast<int64_t>(frame.size + lengthBytes);
  }
}

/// Lets queued frames leave, then hangs up.
void AsioLink::beginClose(const Status &why) {
  if (ended_ || closing_)
    return;
  closing_ = true;
  delivery_->closed(why);
  timer_.expires_after(closePatience);
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error)
      self->finish(Status::cancelled("closed the connection"));
  });
  bool idle = false;
  {
    MutexLock lock(mutex_);
    idle = !writing_;
  }
  if (idle)
    hangUp();
}

/// Tells the other end that nothing more comes; it hangs up in turn, so that no bytes on their way are lost.
void AsioLink::hangUp() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void AsioLink::finish(const Status &why) {
  if (ended_)
    return;
  ended_ = true;
  error_code ignored;
  timer_.cancel(ignored);
  socket_.close(ignored);
  delivery_->closed(why);
}

} // namespace heter::runtime
