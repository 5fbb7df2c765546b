// The reader at work on one thread: lines to hashed ids and floats, consumed by a checksum.
#include "bench/runtime/Parts.h"

#include "runtime/data/LineReader.h"
#include "runtime/data/RowProgram.h"
#include "runtime/package/Package.h"

#include <cstring>
#include <stdexcept>

namespace heter::bench {

using namespace heter::runtime;

namespace {

template <typename T> T orThrow(StatusOr<T> result) {
  if (!result.ok())
    throw std::runtime_error(result.status().message());
  return std::move(*result);
}

uint64_t checksum(const Batch &batch) {
  uint64_t sum = 0;
  for (const BatchTensor &tensor : batch.tensors) {
    for (int64_t value : tensor.integers)
      sum += static_cast<uint64_t>(value);
    for (float value : tensor.floats) {
      uint32_t bits = 0;
      std::memcpy(&bits, &value, sizeof(bits));
      sum += bits;
    }
  }
  return sum;
}

/// All lines of the file, in batches as training takes them.
uint64_t readAll(FileSystem &files, const std::string &path, RowProgram &program, Batch &batch) {
  LineReader lines(files, {path});
  std::string_view line;
  RowError error;
  uint64_t sum = 0;
  program.begin(batch);
  while (orThrow(lines.next(line))) {
    if (!program.append(line, batch, error))
      throw std::runtime_error(lines.position() + ": " + error.message);
    if (batch.examples < 512)
      continue;
    sum += checksum(batch);
    program.begin(batch);
  }
  return sum + checksum(batch);
}

int64_t countLines(const std::string &text) {
  int64_t lines = 0;
  const char *at = text.data(), *end = at + text.size();
  while (const void *found = std::memchr(at, '\n', static_cast<size_t>(end - at))) {
    at = static_cast<const char *>(found) + 1;
    ++lines;
  }
  return lines;
}

} // namespace

std::vector<Row> readerRows(int rounds, const std::string &packageFolder, const std::string &dataFile) {
  std::unique_ptr<FileSystem> files = makePosixFileSystem();
  Package package = orThrow(readPackage(*files, packageFolder));
  RowProgram program = orThrow(RowProgram::compile(package.info.data.at(0), package.info.inputs));
  const std::string text = orThrow(files->readFile(dataFile));
  Batch batch;
  uint64_t sink = 0;
  Row row = measure(
      "reader, one thread", "MB/s", "memchr of the lines", rounds, 1e-6 * static_cast<double>(text.size()),
      [&] { sink += readAll(*files, dataFile, program, batch); },
      [&] { sink += static_cast<uint64_t>(countLines(text)); });
  if (sink == 0)
    throw std::runtime_error(dataFile + " gives nothing but zeros");
  return {row};
}

} // namespace heter::bench
