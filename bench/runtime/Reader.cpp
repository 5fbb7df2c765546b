// The reader at work on one thread: lines to hashed ids and floats, consumed by a checksum.
#include "bench/OrThrow.h"
#include "bench/runtime/Parts.h"

#include "runtime/data/DataFile.h"
#include "runtime/data/LineReader.h"
#include "runtime/data/RowProgram.h"
#include "runtime/package/Package.h"

#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <unistd.h>
#include <zlib.h>

namespace heter::bench {

using namespace heter::runtime;

namespace {

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

/// A gzip archive of `text`, as the gzip program makes it.
std::string gzipped(const std::string &text) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib could not be started");
  std::string result(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef *>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

/// Bytes of text in the archive, by zlib in pieces of `buffer`.
size_t inflateByZlib(const std::string &archive, std::vector<char> &buffer) {
  z_stream stream{};
  inflateInit2(&stream, MAX_WBITS + 16);
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(archive.data()));
  stream.avail_in = static_cast<uInt>(archive.size());
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef *>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    code = inflate(&stream, Z_NO_FLUSH);
  }
  inflateEnd(&stream);
  return stream.total_out;
}

size_t readWhole(FileSystem &files, const std::string &path, std::vector<char> &buffer) {
  std::unique_ptr<DataFile> file = orThrow(DataFile::open(files, path));
  size_t total = 0;
  while (size_t got = orThrow(file->read(buffer)))
    total += got;
  return total;
}

Row gzipRow(FileSystem &files, const std::string &text, int rounds) {
  const std::string archive = gzipped(text),
                    path = std::filesystem::temp_directory_path() / ("heter-bench-" + std::to_string(getpid()) + ".gz");
  if (Status status = files.writeFileAtomically(path, archive); !status.ok())
    throw std::runtime_error(status.message());
  std::vector<char> buffer(size_t{1} << 20);
  size_t sizes = 0;
  Row row = measure(
      "gzip to text, one thread", "MB/s", "zlib", rounds, 1e-6 * static_cast<double>(text.size()),
      [&] { sizes = readWhole(files, path, buffer); }, [&] { sizes += inflateByZlib(archive, buffer); });
  std::filesystem::remove(path);
  if (sizes != 2 * text.size())
    throw std::runtime_error("a gzip archive was not read whole");
  return row;
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
  constexpr size_t most = size_t{64} << 20; // enough, and quickly compressed
  return {row, gzipRow(*files, text.substr(0, most), rounds)};
}

} // namespace heter::bench
