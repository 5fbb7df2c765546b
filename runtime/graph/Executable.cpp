// The pool of frames around a plan.
#include "runtime/graph/Executable.h"

#include "runtime/graph/ActiveFrame.h"
#include "runtime/graph/Plan.h"

namespace heter::runtime {

struct Executable::Impl {
  Impl(std::unique_ptr<GraphPlan> plan, Device &device, Scheduler &scheduler, ExecutableOptions options)
      : plan(std::move(plan)), options(std::move(options)), context{device, scheduler, this->options} {}

  ActiveFrame *take() {
    MutexLock lock(mutex);
    if (idle.empty()) {
      frames.push_back(std::make_unique<ActiveFrame>(*plan, context));
      idle.reserve(frames.size());
      return frames.back().get();
    }
    ActiveFrame *frame = idle.back();
    idle.pop_back();
    return frame;
  }

  void giveBack(ActiveFrame *frame) {
    MutexLock lock(mutex);
    idle.push_back(frame);
  }

  std::unique_ptr<GraphPlan> plan;
  ExecutableOptions options;
  FrameContext context;
  Mutex mutex;
  std::vector<std::unique_ptr<ActiveFrame>> frames HETER_GUARDED_BY(mutex);
  std::vector<ActiveFrame *> idle HETER_GUARDED_BY(mutex);
};

Executable::Executable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Executable::~Executable() = default;

StatusOr<std::unique_ptr<Executable>> Executable::create(const package::Graph &graph, const KernelObject &kernels,
                                                         Device &device, Scheduler &scheduler,
                                                         ExecutableOptions options) {
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<GraphPlan> plan, makePlan(graph, kernels));
  return std::unique_ptr<Executable>(
      new Executable(std::make_unique<Impl>(std::move(plan), device, scheduler, std::move(options))));
}

void Executable::run(const FrameInfo &info, NodeHandler &handler, Completion done) {
  assert(info.examples >= 0 && "a micro-batch has no negative size");
  struct Running {
    ActiveFrame *frame;
    std::shared_ptr<const void> keeper; ///< Of the frame; the last of them to go gives it back.
    Completion done;
  };
  ActiveFrame *taken = impl_->take();
  std::shared_ptr<const void> keeper(taken, [impl = impl_.get()](ActiveFrame *frame) { impl->giveBack(frame); });
  // Freed buffers are overwritten when their last node has ended, whoever else would keep them.
  if (!impl_->options.poisonFreed)
    taken->setKeeper(keeper);
  auto running = std::make_unique<Running>(Running{taken, std::move(keeper), std::move(done)});
  impl_->context.scheduler.post([info, &handler, running = std::move(running)]() mutable {
    ActiveFrame *frame = running->frame;
    frame->start(info, handler, {}, [running = std::move(running)](Status status) mutable {
      running->frame->releaseOwners();
      running->frame->setKeeper(nullptr);
      Completion whenDone = std::move(running->done);
      running.reset();
      whenDone(std::move(status));
    });
  });
}

} // namespace heter::runtime
