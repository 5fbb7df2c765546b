// StepReader: which line belongs to which micro-batch, and the errors of malformed lines.
#include "runtime/data/StepReader.h"

#include <algorithm>
#include <utility>

namespace heter::runtime {

static int64_t memoryOf(const Batch &batch) {
  size_t bytes = 0;
  for (const BatchTensor &tensor : batch.tensors)
    bytes += tensor.floats.capacity() * sizeof(float) + tensor.integers.capacity() * sizeof(int64_t) +
             tensor.offsets.capacity() * sizeof(int64_t);
  return static_cast<int64_t>(bytes);
}

std::shared_ptr<Batch> BatchPool::acquire() {
  std::unique_ptr<Batch> batch;
  {
    MutexLock lock(mutex_);
    if (!free_.empty()) {
      batch = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!batch)
    batch = std::make_unique<Batch>();
  const int64_t before = memoryOf(*batch);
  return {batch.release(), [pool = shared_from_this(), before](Batch *returned) { pool->release(returned, before); }};
}

void BatchPool::release(Batch *batch, int64_t before) {
  MutexLock lock(mutex_);
  free_.emplace_back(batch);
  memoryBytes_ += memoryOf(*batch) - before;
}

int64_t BatchPool::memoryBytes() const {
  MutexLock lock(mutex_);
  return memoryBytes_;
}

StepReader::StepReader(LineForms forms, LineReader lines, DataOptions options, const DataPosition &start,
                       int64_t bytesAnEpoch)
    : forms_(std::move(forms)), lines_(std::move(lines)), options_(std::move(options)), start_(start),
      bytesAnEpoch_(bytesAnEpoch), epoch_(start.epoch - 1), dealt_(start.examples) {}

StatusOr<bool> StepReader::startEpoch() {
  if (epoch_ + 1 >= options_.epochs || (options_.maxExamples > 0 && dealt_ >= options_.maxExamples))
    return false;
  ++epoch_;
  const DataPosition from = epoch_ == start_.epoch ? start_ : DataPosition();
  epochExamples_ = from.epochExamples;
  badLines_ = from.badLines;
  lines_.rewind();
  linesLeft_ = options_.lines.last - options_.lines.first + 1 - from.lines;
  int64_t before = options_.lines.first - 1 + from.lines;
  HETER_ASSIGN_OR_RETURN(int64_t skipped, lines_.skip(before));
  if (skipped < before)
    linesLeft_ = 0;
  inEpoch_ = true;
  return true;
}

Status StepReader::noExamples() const {
  if (badLines_ > 0)
    return Status::invalidArgument("no examples: " + std::to_string(badLines_) +
                                   (badLines_ == 1 ? " line was" : " lines were") + " read, and all malformed");
  if (options_.lines.first > 1)
    return Status::invalidArgument("no examples: " + filesAnd("ends", "end") + " before line " +
                                   std::to_string(options_.lines.first));
  return Status::invalidArgument("no examples: " + filesAnd("holds", "hold") + " no line");
}

/// The data files and the verb that fits their number.
std::string StepReader::filesAnd(const char *one, const char *several) const {
  std::string text = options_.files.empty() ? std::string() : options_.files.front();
  if (options_.files.size() > 1)
    text += " and " + std::to_string(options_.files.size() - 1) + " more";
  return text + " " + (options_.files.size() > 1 ? several : one);
}

/// At the end of an epoch: warns of a range that reaches beyond the data.
void StepReader::checkRange() const {
  const LineRange &range = options_.lines;
  const bool cutShort = options_.maxExamples > 0 && dealt_ >= options_.maxExamples;
  if (linesLeft_ == 0 || range.last == LineRange().last || cutShort || epoch_ > 0 || options_.trainerIndex > 0 ||
      !options_.warn)
    return;
  const int64_t wanted = range.last - range.first + 1;
  options_.warn(filesAnd("ends", "end") + " at line " + std::to_string(range.last - linesLeft_) + ": of the " +
                std::to_string(wanted) + " lines " + std::to_string(range.first) + ":" + std::to_string(range.last) +
                " only " + std::to_string(wanted - linesLeft_) + " exist");
}

DataPosition StepReader::position(bool epochEnded) const {
  DataPosition position{.data = start_.data, .examples = dealt_};
  position.epoch = epoch_ + epochEnded;
  if (epochEnded)
    return position;
  position.lines = options_.lines.last - options_.lines.first + 1 - linesLeft_;
  position.epochExamples = epochExamples_;
  position.badLines = badLines_;
  return position;
}

bool StepReader::hasText() const {
  return textOfStep_ > 0 && inEpoch_ && linesLeft_ > 0 &&
         lines_.ready() >= static_cast<size_t>(textOfStep_ + textOfStep_ / 2);
}

void StepReader::readText() {
  constexpr int64_t most = int64_t{8} << 20;
  if (textOfStep_ > 0 && textOfStep_ <= most && !hasText())
    lines_.readAhead(static_cast<size_t>(2 * textOfStep_));
}

StatusOr<bool> StepReader::nextStep(std::vector<BatchPtr> &batches) {
  while (true) {
    if (!inEpoch_) {
      HETER_ASSIGN_OR_RETURN(bool more, startEpoch());
      if (!more)
        return false;
    }
    const int64_t before = lines_.consumed(); // behind the lines that an epoch passes over at its beginning
    std::vector<std::shared_ptr<Batch>> own;
    int32_t count = 0;
    int64_t examples = 0;
    for (; count < options_.microBatches && inEpoch_; ++count) {
      int64_t want = options_.batchSize;
      if (options_.maxExamples > 0)
        want = std::min(want, options_.maxExamples - dealt_);
      int64_t number = step_ * options_.microBatches + count;
      std::shared_ptr<Batch> batch;
      if (number % options_.trainerCount == options_.trainerIndex) {
        batch = pool_->acquire();
        forms_.program().begin(*batch);
        batch->number = number;
        batch->step = step_;
        batch->index = count;
        batch->epoch = epoch_;
        batch->firstExample = dealt_;
      }
      HETER_ASSIGN_OR_RETURN(int64_t got, readMicroBatch(want, batch));
      dealt_ += got;
      epochExamples_ += got;
      examples += got;
      // An epoch also ends where a micro-batch is full and nothing follows: the next one is then empty.
      inEpoch_ = got == options_.batchSize;
      if (got == 0)
        break;
      if (batch)
        own.push_back(std::move(batch));
    }
    textOfStep_ = std::max(textOfStep_, lines_.consumed() - before);
    const bool cutShort = options_.maxExamples > 0 && dealt_ >= options_.maxExamples;
    const DataPosition after = position(/*epochEnded=*/!inEpoch_ && !cutShort);
    if (!inEpoch_) {
      if (epochExamples_ == 0)
        return noExamples();
      checkRange();
      wholeEpoch_ = std::max(wholeEpoch_, epochExamples_);
      if (cutShort)
        epoch_ = options_.epochs;
    }
    if (count == 0)
      continue;
    for (std::shared_ptr<Batch> &batch : own) {
      batch->stepMicroBatches = count;
      batch->stepExamples = examples;
      batch->after = after;
      batches.push_back(std::move(batch));
    }
    ++step_;
    if (!own.empty())
      return true;
  }
}

/// Reads up to `count` examples of a micro-batch; those of other trainers, which have no `batch`, are parsed only
/// where a malformed line does not end the run, because it then belongs to no micro-batch.
StatusOr<int64_t> StepReader::readMicroBatch(int64_t count, std::shared_ptr<Batch> &batch) {
  bool own = batch != nullptr;
  if (!own && options_.maxBadLines == 0) {
    HETER_ASSIGN_OR_RETURN(int64_t skipped, lines_.skip(std::min(count, linesLeft_)));
    linesLeft_ -= skipped;
    return skipped;
  }
  if (!own) {
    if (!others_)
      others_ = pool_->acquire();
    forms_.program().begin(*others_);
  }
  for (int64_t i = 0; i < count; ++i) {
    HETER_ASSIGN_OR_RETURN(bool any, appendLine(own ? *batch : *others_, own));
    if (!any)
      return i;
  }
  return count;
}

/// Appends the next line that is not malformed; false if there is none.
StatusOr<bool> StepReader::appendLine(Batch &batch, bool own) {
  RowError error;
  std::string_view line;
  while (linesLeft_ > 0) {
    HETER_ASSIGN_OR_RETURN(bool any, lines_.next(line));
    if (!any)
      return false;
    --linesLeft_;
    if (forms_.program().hasHeader() && headerOf_ != lines_.file())
      HETER_RETURN_IF_ERROR(readHeader());
    if (chooseForm(line, error) && forms_.program().append(line, batch, error))
      return true;
    HETER_RETURN_IF_ERROR(passOver(error, own));
  }
  return false;
}

Status StepReader::readHeader() {
  RowError error;
  headerOf_ = lines_.file();
  if (forms_.readHeader(lines_.header(), error))
    return {};
  return Status::invalidArgument(lines_.headerPosition() + ":" + std::to_string(error.offset + 1) + ": " +
                                 error.message);
}

/// The first line that is read of a file says whether its lines have labels; others must have the same form.
bool StepReader::chooseForm(std::string_view line, RowError &error) {
  if (!forms_.wantsColumns())
    return true;
  size_t columns = forms_.program().columnCount(line);
  bool isFirst = formOf_ != lines_.file();
  formOf_ = lines_.file();
  Status status = isFirst ? forms_.choose(columns) : forms_.check(columns);
  if (!status.ok())
    error = {0, status.message()};
  return status.ok();
}

/// A malformed line: an error, unless that many may be passed over. It is reported by the trainer that reads it for a
/// micro-batch of its own, in the first epoch.
Status StepReader::passOver(const RowError &error, bool own) {
  std::string text = lines_.position() + ":" + std::to_string(error.offset + 1) + ": " + error.message;
  if (badLines_ == options_.maxBadLines) {
    if (badLines_ > 0)
      text += "; " + std::to_string(badLines_) + (badLines_ == 1 ? " malformed line was" : " malformed lines were") +
              " passed over before it, as many as --max-bad-lines allows";
    return Status::invalidArgument(std::move(text));
  }
  ++badLines_;
  if (own && epoch_ == 0) {
    ++reported_;
    if (options_.warn)
      options_.warn("passed over a malformed line: " + text);
  }
  return {};
}

DataProgress StepReader::progress() const {
  DataProgress result;
  result.examples = dealt_ - start_.examples;
  result.badLines = reported_;
  result.memoryBytes = lines_.memoryBytes();
  int64_t anEpoch = wholeEpoch_;
  if (anEpoch == 0 && lines_.bytesRead() > 0 && epochExamples_ > 0) {
    // Lines before the range were read too, so count them in the average length of a line.
    double linesRead = static_cast<double>(epochExamples_ + options_.lines.first - 1);
    double lines = linesRead * static_cast<double>(bytesAnEpoch_) / static_cast<double>(lines_.bytesRead());
    anEpoch = std::max(static_cast<int64_t>(lines) - (options_.lines.first - 1), epochExamples_);
    if (linesLeft_ < anEpoch)
      anEpoch = std::min(anEpoch, epochExamples_ + linesLeft_);
  }
  if (anEpoch == 0)
    return result;
  result.expectedExamples = anEpoch * options_.epochs;
  if (options_.maxExamples > 0)
    result.expectedExamples = std::min(result.expectedExamples, options_.maxExamples);
  result.expectedExamples -= start_.examples;
  return result;
}

} // namespace heter::runtime
