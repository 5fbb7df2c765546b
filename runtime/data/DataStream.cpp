// The stream itself: reads ahead, hands batches to receivers in order.
#include "runtime/data/DataStream.h"

#include "runtime/base/Hash.h"
#include "runtime/base/Suggest.h"
#include "runtime/base/ThreadAnnotations.h"
#include "runtime/data/StepReader.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

namespace heter::runtime {

const void *BatchTensor::data() const {
  return element == package::ElementType::F32 ? static_cast<const void *>(floats.data()) : integers.data();
}

int64_t BatchTensor::elementCount() const {
  return static_cast<int64_t>(element == package::ElementType::F32 ? floats.size() : integers.size());
}

namespace {

/// What a stream shares with the tasks that it posts.
class StreamState : public std::enable_shared_from_this<StreamState> {
public:
  StreamState(StepReader reader, int32_t readAhead, bool besideCompute, Scheduler &scheduler)
      : reader_(std::move(reader)), readAhead_(static_cast<size_t>(std::max(readAhead, 1))),
        besideCompute_(besideCompute), scheduler_(scheduler) {}

  void open();
  void next(DataStream::Receiver receiver);
  void close();
  DataProgress progress() const;

private:
  void postBlocking();
  void postParsing();
  void readBlocking();
  void parse();
  bool readStep();
  void start() HETER_REQUIRES(mutex_);
  void deliver() HETER_REQUIRES(mutex_);
  void post(DataStream::Receiver receiver, StatusOr<BatchPtr> result);

  StepReader reader_; ///< Touched by the one reading task only, but for the size of its batches.
  const size_t readAhead_;
  const bool besideCompute_; ///< Blocking tasks parse, too.
  Scheduler &scheduler_;
  mutable Mutex mutex_;
  std::deque<BatchPtr> ready_ HETER_GUARDED_BY(mutex_);
  std::deque<DataStream::Receiver> waiting_ HETER_GUARDED_BY(mutex_);
  DataProgress progress_ HETER_GUARDED_BY(mutex_);
  Status end_ HETER_GUARDED_BY(mutex_); ///< Why reading ended, if it failed.
  bool reading_ HETER_GUARDED_BY(mutex_) = false;
  bool ended_ HETER_GUARDED_BY(mutex_) = false;
};

void StreamState::open() {
  MutexLock lock(mutex_);
  start();
}

void StreamState::start() {
  reading_ = true;
  if (!besideCompute_ && reader_.hasText())
    postParsing();
  else
    postBlocking();
}

void StreamState::postBlocking() {
  scheduler_.postBlocking([self = shared_from_this()] { self->readBlocking(); });
}

void StreamState::postParsing() {
  scheduler_.post([self = shared_from_this()] { self->parse(); });
}

void StreamState::post(DataStream::Receiver receiver, StatusOr<BatchPtr> result) {
  scheduler_.post(
      [receiver = std::move(receiver), result = std::move(result)]() mutable { receiver(std::move(result)); });
}

void StreamState::next(DataStream::Receiver receiver) {
  MutexLock lock(mutex_);
  waiting_.push_back(std::move(receiver));
  deliver();
}

/// Serves receivers in order and keeps the reading task going.
void StreamState::deliver() {
  while (!waiting_.empty() && (!ready_.empty() || ended_)) {
    DataStream::Receiver receiver = std::move(waiting_.front());
    waiting_.pop_front();
    if (!ready_.empty()) {
      BatchPtr batch = std::move(ready_.front());
      ready_.pop_front();
      post(std::move(receiver), std::move(batch));
    } else if (end_.ok()) {
      post(std::move(receiver), BatchPtr());
    } else {
      post(std::move(receiver), end_);
    }
  }
  if (!reading_ && !ended_ && ready_.size() <= readAhead_ / 2)
    start();
}

/// On a thread that may block: reads files, and parses what the compute threads do not.
void StreamState::readBlocking() {
  do {
    if (!besideCompute_) {
      reader_.readText();
      if (reader_.hasText())
        return postParsing();
    }
  } while (readStep());
}

/// On a compute thread: one step, and then others' turn.
void StreamState::parse() {
  if (!readStep())
    return;
  if (reader_.hasText())
    postParsing();
  else
    postBlocking();
}

/// Whether to go on.
bool StreamState::readStep() {
  std::vector<BatchPtr> step;
  StatusOr<bool> more = reader_.nextStep(step);
  MutexLock lock(mutex_);
  progress_ = reader_.progress();
  for (BatchPtr &batch : step)
    ready_.push_back(std::move(batch));
  if (!more.ok() || !*more) {
    if (end_.ok())
      end_ = more.status();
    ended_ = true;
  }
  // Still marked as reading here, so that delivering cannot start a second task.
  deliver();
  reading_ = !ended_ && ready_.size() < readAhead_;
  return reading_;
}

void StreamState::close() {
  MutexLock lock(mutex_);
  ready_.clear();
  ended_ = true;
  end_ = Status::cancelled("the data stream was closed");
  deliver();
}

DataProgress StreamState::progress() const {
  MutexLock lock(mutex_);
  DataProgress progress = progress_;
  progress.memoryBytes += reader_.batchBytes();
  return progress;
}

class TextStream final : public DataStream {
public:
  explicit TextStream(std::shared_ptr<StreamState> state) : state_(std::move(state)) {}
  ~TextStream() override { state_->close(); }

  void next(Receiver receiver) override { state_->next(std::move(receiver)); }
  DataProgress progress() const override { return state_->progress(); }

private:
  std::shared_ptr<StreamState> state_;
};

Status checkOptions(const DataOptions &options) {
  auto atLeastOne = [](const char *what, int64_t value) {
    return value >= 1
               ? Status()
               : Status::invalidArgument(std::string(what) + " must be at least 1, got " + std::to_string(value));
  };
  HETER_RETURN_IF_ERROR(atLeastOne("the batch size", options.batchSize));
  HETER_RETURN_IF_ERROR(atLeastOne("the number of micro-batches", options.microBatches));
  HETER_RETURN_IF_ERROR(atLeastOne("the number of trainers", options.trainerCount));
  HETER_RETURN_IF_ERROR(atLeastOne("the number of epochs", options.epochs));
  if (options.trainerIndex < 0 || options.trainerIndex >= options.trainerCount)
    return Status::invalidArgument("trainer " + std::to_string(options.trainerIndex) + " of " +
                                   std::to_string(options.trainerCount) + " does not exist");
  if (options.maxExamples < 0)
    return Status::invalidArgument("the most examples must not be negative, got " +
                                   std::to_string(options.maxExamples));
  if (options.maxBadLines < 0)
    return Status::invalidArgument("the most malformed lines must not be negative, got " +
                                   std::to_string(options.maxBadLines));
  if (options.lines.first < 1 || options.lines.last < options.lines.first)
    return Status::invalidArgument("the lines " + std::to_string(options.lines.first) + ":" +
                                   std::to_string(options.lines.last) + " are no range");
  return {};
}

/// DataPosition::data.
uint64_t dataIdentity(const package::DataSource &source, const DataOptions &options,
                      const std::vector<int64_t> &sizes) {
  std::string text =
      source.name + '\n' + std::to_string(options.lines.first) + ':' + std::to_string(options.lines.last);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::string &path = options.files[i];
    text += '\n' + path.substr(path.rfind('/') + 1) + ' ' + std::to_string(sizes[i]);
  }
  return hashBytes(text);
}

/// Where reading begins.
StatusOr<DataPosition> startOf(const DataOptions &options, uint64_t identity) {
  DataPosition start;
  if (options.resume && !options.resume->ended) {
    if (options.resume->data != identity)
      return Status::failedPrecondition(
          "the model was saved amid other data than this: give the files and lines that it was trained on, or begin at "
          "the start of these with --restart-data");
    start = *options.resume;
  }
  start.data = identity;
  return start;
}

} // namespace

StatusOr<std::unique_ptr<DataStream>> DataStream::open(const package::DataSource &source,
                                                       const std::vector<package::Input> &inputs, DataOptions options,
                                                       FileSystem &files, Scheduler &scheduler) {
  HETER_RETURN_IF_ERROR(checkOptions(options));
  HETER_ASSIGN_OR_RETURN(LineForms forms, LineForms::compile(source, inputs, options.labels));
  HETER_ASSIGN_OR_RETURN(options.files, expandDataFiles(files, options.files));
  int64_t bytes = 0;
  bool hasPipe = false; // which has no size, and gives a step's text with nothing behind it yet
  std::vector<int64_t> sizes;
  for (const std::string &path : options.files) {
    HETER_ASSIGN_OR_RETURN(int64_t size, files.fileSize(path));
    sizes.push_back(size);
    bytes += size;
    hasPipe = hasPipe || size == 0;
  }
  HETER_ASSIGN_OR_RETURN(DataPosition start, startOf(options, dataIdentity(source, options, sizes)));
  LineReader lines(files, options.files, forms.program().hasHeader());
  int32_t readAhead = options.readAhead;
  StepReader reader(std::move(forms), std::move(lines), std::move(options), start, bytes);
  auto state =
      std::make_shared<StreamState>(std::move(reader), readAhead, hasPipe || scheduler.hasSpareProcessors(), scheduler);
  state->open();
  return std::unique_ptr<DataStream>(std::make_unique<TextStream>(std::move(state)));
}

StatusOr<LineRange> parseLineRange(std::string_view text) {
  auto wrong = [&] {
    return Status::invalidArgument("expected lines A:B with 1 <= A <= B, got `" + std::string(text) + "`");
  };
  size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.size() == 1)
    return wrong();
  LineRange range;
  auto parse = [](std::string_view part, int64_t &value) {
    if (part.empty())
      return true;
    auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), value);
    return code == std::errc() && end == part.data() + part.size();
  };
  if (!parse(text.substr(0, colon), range.first) || !parse(text.substr(colon + 1), range.last) || range.first < 1 ||
      range.last < range.first)
    return wrong();
  return range;
}

StatusOr<const package::DataSource *> findDataSource(const package::PackageInfo &info, const std::string &name) {
  if (info.data.empty())
    return Status::invalidArgument("model `" + info.model + "` has no data binding; add `data NAME : tsv { ... }`");
  if (name.empty())
    return &info.data.front();
  std::string known;
  std::vector<std::string> names;
  for (const package::DataSource &source : info.data) {
    if (source.name == name)
      return &source;
    names.push_back(source.name);
    known += (known.empty() ? "`" : ", `") + source.name + "`";
  }
  std::string mend = didYouMean(name, names);
  return Status::notFound("model `" + info.model + "` has no data binding `" + name + "`" +
                          (mend.empty() ? "; it has " + known : mend));
}

} // namespace heter::runtime
