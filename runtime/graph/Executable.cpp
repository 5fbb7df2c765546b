// The pool of frames around a plan.
#include "runtime/graph/Executable.h"

#include "runtime/graph/ActiveFrame.h"
#include "runtime/graph/Plan.h"

namespace heter::runtime {

/// A frame of the pool with what one run of it needs, so that running allocates nothing.
struct PooledFrame {
  PooledFrame(const GraphPlan &plan, const FrameContext &context) : frame(plan, context) {}

  ActiveFrame frame;
  FrameInfo info;
  NodeHandler *handler = nullptr;
  Completion done;
  std::shared_ptr<const void> keeper;                    ///< The run's own hold on the frame.
  alignas(std::max_align_t) std::byte keeperMemory[128]; ///< Where the keeper counts its holders.
};

struct Executable::Impl {
  Impl(std::unique_ptr<GraphPlan> plan, Device &device, Scheduler &scheduler, ExecutableOptions options)
      : plan(std::move(plan)), options(std::move(options)), context{device, scheduler, this->options} {}

  PooledFrame *take() {
    MutexLock lock(mutex);
    if (idle.empty()) {
      frames.push_back(std::make_unique<PooledFrame>(*plan, context));
      idle.reserve(frames.size());
      return frames.back().get();
    }
    PooledFrame *frame = idle.back();
    idle.pop_back();
    return frame;
  }

  void giveBack(PooledFrame *frame) {
    MutexLock lock(mutex);
    idle.push_back(frame);
  }

  void start(PooledFrame *pooled);
  void end(PooledFrame *pooled, Status status);

  std::unique_ptr<GraphPlan> plan;
  ExecutableOptions options;
  FrameContext context;
  Mutex mutex;
  std::vector<std::unique_ptr<PooledFrame>> frames HETER_GUARDED_BY(mutex);
  std::vector<PooledFrame *> idle HETER_GUARDED_BY(mutex);
};

namespace {

/// Puts a keeper's counts into the frame, and gives the frame back when they are no longer needed.
template <typename T, typename Pool> struct KeeperAllocator {
  using value_type = T;
  template <typename U> struct rebind {
    using other = KeeperAllocator<U, Pool>;
  };

  KeeperAllocator(Pool *pool, PooledFrame *frame) : pool(pool), frame(frame) {}
  template <typename U> KeeperAllocator(const KeeperAllocator<U, Pool> &other) : pool(other.pool), frame(other.frame) {}

  T *allocate(size_t) {
    static_assert(sizeof(T) <= sizeof(PooledFrame::keeperMemory));
    return reinterpret_cast<T *>(frame->keeperMemory);
  }
  void deallocate(T *, size_t) { pool->giveBack(frame); }
  template <typename U> bool operator==(const KeeperAllocator<U, Pool> &other) const { return frame == other.frame; }

  Pool *pool;
  PooledFrame *frame;
};

} // namespace

Executable::Executable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Executable::~Executable() = default;

StatusOr<std::unique_ptr<Executable>> Executable::create(const package::Graph &graph, const KernelObject &kernels,
                                                         Device &device, Scheduler &scheduler,
                                                         ExecutableOptions options) {
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<GraphPlan> plan, makePlan(graph, kernels, options.updates, options.examples));
  return std::unique_ptr<Executable>(
      new Executable(std::make_unique<Impl>(std::move(plan), device, scheduler, std::move(options))));
}

void Executable::run(const FrameInfo &info, NodeHandler &handler, Completion done) {
  assert(info.examples >= 0 && "a micro-batch has no negative size");
  PooledFrame *pooled = impl_->take();
  pooled->info = info;
  pooled->handler = &handler;
  pooled->done = std::move(done);
  impl_->context.scheduler.post([impl = impl_.get(), pooled] { impl->start(pooled); });
}

int64_t Executable::memoryBytes() const {
  MutexLock lock(impl_->mutex);
  int64_t bytes = 0;
  for (const std::unique_ptr<PooledFrame> &frame : impl_->frames)
    bytes += frame->frame.memoryBytes();
  return bytes;
}

void Executable::Impl::start(PooledFrame *pooled) {
  pooled->keeper =
      std::shared_ptr<const void>(pooled, [](const void *) {}, KeeperAllocator<std::byte, Impl>(this, pooled));
  // Freed buffers are overwritten when their last node has ended, whoever else would keep them.
  if (!options.poisonFreed)
    pooled->frame.setKeeper(pooled->keeper);
  pooled->frame.start(pooled->info, *pooled->handler, {},
                      [this, pooled](Status status) { end(pooled, std::move(status)); });
}

void Executable::Impl::end(PooledFrame *pooled, Status status) {
  pooled->frame.releaseOwners();
  pooled->frame.setKeeper(nullptr);
  Completion done = std::move(pooled->done);
  // The last holder gives the frame back, and somebody else may use it at once.
  std::shared_ptr<const void> keeper = std::move(pooled->keeper);
  keeper.reset();
  done(std::move(status));
}

} // namespace heter::runtime
