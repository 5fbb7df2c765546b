// DataFile: plain text, gzip by ISA-L (three times as fast as zlib), zstd by libzstd. Archives of several members or
// frames are one text.
#include "runtime/data/DataFile.h"

#include <algorithm>
#include <cstring>
#include <isa-l/igzip_lib.h>
#include <limits>
#include <zstd.h>

namespace heter::runtime {

namespace {

constexpr size_t storedBufferBytes = size_t{1} << 18;
constexpr std::string_view gzipMagic = "\x1f\x8b";
constexpr std::string_view zstdMagic = "\x28\xb5\x2f\xfd";

/// Also frames to skip, with which some parallel compressors begin.
bool looksLikeZstd(std::string_view bytes) {
  return bytes.starts_with(zstdMagic) ||
         (bytes.size() >= 4 && (bytes[0] & 0xf0) == 0x50 && bytes.substr(1, 3) == "\x2a\x4d\x18");
}

/// Forms that are no text and are not read. No line of a log begins like one.
struct OtherForm {
  std::string_view magic;
  const char *what;
};
constexpr OtherForm otherForms[] = {
    {{"\xfd"
      "7zXZ\0",
      6},
     "an xz archive; expected text, gzip or zstd: unpack it with `xz -dk`"},
    {"BZh91AY&SY", "a bzip2 archive; expected text, gzip or zstd: unpack it with `bzip2 -dk`"},
    {"\x04\x22\x4d\x18", "an lz4 archive; expected text, gzip or zstd: unpack it with `lz4 -dk`"},
    {"PK\x03\x04", "a zip archive; expected text, gzip or zstd: unpack it with `unzip`"},
    {"PAR1\x15", "a Parquet file; expected text, gzip or zstd: write it as TSV or CSV"},
    {"\xff\xfe",
     "UTF-16 text; expected UTF-8, or any bytes that hold ASCII as it is: convert it with `iconv -t UTF-8`"},
    {"\xfe\xff",
     "UTF-16 text; expected UTF-8, or any bytes that hold ASCII as it is: convert it with `iconv -t UTF-8`"},
};
constexpr size_t longestMagic = 10;

std::string afterText(int64_t bytes) { return " after " + std::to_string(bytes) + " bytes of text"; }

class PlainFile final : public DataFile {
public:
  explicit PlainFile(StoredBytes stored) : DataFile(std::move(stored)) {}

  StatusOr<size_t> read(std::span<char> buffer) override {
    if (stored_.pending().empty())
      HETER_RETURN_IF_ERROR(stored_.more().status());
    size_t count = std::min(stored_.pending().size(), buffer.size());
    std::memcpy(buffer.data(), stored_.pending().data(), count);
    stored_.consume(count);
    return count;
  }
};

/// What ISA-L says of an archive that it cannot read.
const char *gzipError(int code) {
  switch (code) {
  case ISAL_INVALID_BLOCK:
    return "invalid block";
  case ISAL_INVALID_SYMBOL:
    return "invalid symbol";
  case ISAL_INVALID_LOOKBACK:
    return "a reference to before its beginning";
  case ISAL_INVALID_WRAPPER:
    return "invalid header";
  case ISAL_UNSUPPORTED_METHOD:
    return "unknown compression method";
  case ISAL_INCORRECT_CHECKSUM:
    return "incorrect data check";
  default:
    return "cannot be read";
  }
}

class GzipFile final : public DataFile {
public:
  explicit GzipFile(StoredBytes stored) : DataFile(std::move(stored)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

  StatusOr<size_t> read(std::span<char> buffer) override {
    while (true) {
      bool ended = false;
      if (stored_.pending().empty()) {
        HETER_ASSIGN_OR_RETURN(bool more, stored_.more());
        ended = !more;
        if (ended && !inMember_)
          return size_t{0};
      }
      if (!inMember_) {
        HETER_ASSIGN_OR_RETURN(bool another, startMember());
        if (!another)
          return size_t{0};
      }
      HETER_ASSIGN_OR_RETURN(size_t got, inflateSome(buffer));
      if (got > 0)
        return got;
      if (ended && inMember_) // What the library had taken in before gave nothing more.
        return stored_.error("truncated gzip archive: the file ends inside it" + afterText(text_));
    }
  }

private:
  /// Behind a member: another one, or zeros up to the end as tape drives leave them.
  StatusOr<bool> startMember() {
    while (!stored_.pending().empty() && stored_.pending()[0] == '\0') {
      size_t zeros = stored_.pending().find_first_not_of('\0');
      stored_.consume(zeros == std::string_view::npos ? stored_.pending().size() : zeros);
      if (stored_.pending().empty())
        HETER_RETURN_IF_ERROR(stored_.more().status());
    }
    if (stored_.pending().empty())
      return false;
    if (stored_.pending()[0] != gzipMagic[0])
      return stored_.error("corrupt gzip archive: something that is no gzip follows it" + afterText(text_));
    isal_inflate_reset(state_.get());
    inMember_ = true;
    return true;
  }

  StatusOr<size_t> inflateSome(std::span<char> buffer) {
    const std::string_view in = stored_.pending();
    const auto room = static_cast<uint32_t>(std::min<size_t>(buffer.size(), std::numeric_limits<uint32_t>::max()));
    state_->next_in = reinterpret_cast<uint8_t *>(const_cast<char *>(in.data()));
    state_->avail_in = static_cast<uint32_t>(in.size());
    state_->next_out = reinterpret_cast<uint8_t *>(buffer.data());
    state_->avail_out = room;
    const int code = isal_inflate(state_.get());
    const size_t got = room - state_->avail_out;
    const bool stuck = got == 0 && !in.empty() && state_->avail_in == in.size();
    stored_.consume(in.size() - state_->avail_in);
    text_ += static_cast<int64_t>(got);
    if (state_->block_state == ISAL_BLOCK_FINISH)
      inMember_ = false;
    if (code < 0 || (stuck && inMember_))
      return stored_.error(std::string("corrupt gzip archive: ") + gzipError(code) + afterText(text_));
    return got;
  }

  std::unique_ptr<inflate_state> state_; ///< Some 90 KB.
  bool inMember_ = true;
  int64_t text_ = 0;
};

class ZstdFile final : public DataFile {
public:
  explicit ZstdFile(StoredBytes stored) : DataFile(std::move(stored)), stream_(ZSTD_createDStream()) {
    if (stream_)
      ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound);
  }
  ~ZstdFile() override { ZSTD_freeDStream(stream_); }

  StatusOr<size_t> read(std::span<char> buffer) override {
    if (!stream_)
      return Status::internal("libzstd could not be started");
    while (true) {
      bool ended = false;
      if (stored_.pending().empty()) {
        HETER_ASSIGN_OR_RETURN(bool more, stored_.more());
        ended = !more;
        if (ended && !inFrame_)
          return size_t{0};
      }
      ZSTD_inBuffer in{stored_.pending().data(), stored_.pending().size(), 0};
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      size_t code = ZSTD_decompressStream(stream_, &out, &in);
      stored_.consume(in.pos);
      text_ += static_cast<int64_t>(out.pos);
      if (ZSTD_isError(code))
        return stored_.error("corrupt zstd archive: " + std::string(ZSTD_getErrorName(code)) + afterText(text_));
      inFrame_ = code != 0;
      if (out.pos > 0)
        return out.pos;
      if (ended && inFrame_)
        return stored_.error("truncated zstd archive: the file ends inside it" + afterText(text_));
    }
  }

private:
  ZSTD_DStream *stream_;
  bool inFrame_ = true;
  int64_t text_ = 0;
};

} // namespace

StoredBytes::StoredBytes(std::unique_ptr<InputFile> file, std::string path)
    : file_(std::move(file)), path_(std::move(path)), buffer_(storedBufferBytes) {}

StatusOr<bool> StoredBytes::more() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  HETER_ASSIGN_OR_RETURN(size_t got, file_->read({buffer_.data() + end_, buffer_.size() - end_}));
  end_ += got;
  bytesRead_ += static_cast<int64_t>(got);
  return got > 0;
}

StatusOr<std::unique_ptr<DataFile>> DataFile::open(FileSystem &files, const std::string &path) {
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<InputFile> file, files.openForRead(path));
  StoredBytes stored(std::move(file), path);
  while (stored.pending().size() < longestMagic) {
    HETER_ASSIGN_OR_RETURN(bool more, stored.more());
    if (!more)
      break;
  }
  if (stored.pending().starts_with(gzipMagic))
    return std::unique_ptr<DataFile>(std::make_unique<GzipFile>(std::move(stored)));
  if (looksLikeZstd(stored.pending()))
    return std::unique_ptr<DataFile>(std::make_unique<ZstdFile>(std::move(stored)));
  for (const auto &[ending, form] : {std::pair(".gz", "gzip"), std::pair(".zst", "zstd")})
    if (path.ends_with(ending))
      return stored.error(std::string("expected a ") + form + " archive, as its name says, got " +
                          (stored.pending().empty() ? "an empty file" : "a file that does not begin like one"));
  for (const OtherForm &form : otherForms)
    if (stored.pending().starts_with(form.magic))
      return stored.error(std::string("this is ") + form.what);
  return std::unique_ptr<DataFile>(std::make_unique<PlainFile>(std::move(stored)));
}

} // namespace heter::runtime
