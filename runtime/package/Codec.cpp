// Bytes of package files, and the hash over them. The one place of this room where Thrift's and OpenSSL's errors show
// up.
#include "runtime/package/Package.h"

#include <algorithm>
#include <exception>
#include <openssl/evp.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

namespace heter::runtime {

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

template <typename T> static std::string encodeStruct(const T &value) {
  auto buffer = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol protocol(buffer);
  value.write(&protocol);
  return buffer->getBufferAsString();
}

template <typename T> static StatusOr<T> decodeStruct(const std::string &bytes) {
  try {
    auto buffer = std::make_shared<TMemoryBuffer>(reinterpret_cast<uint8_t *>(const_cast<char *>(bytes.data())),
                                                  static_cast<uint32_t>(bytes.size()), TMemoryBuffer::OBSERVE);
    TBinaryProtocol protocol(buffer);
    // No text or list can be longer than the file, so damaged lengths fail before they allocate.
    protocol.setStringSizeLimit(static_cast<int32_t>(bytes.size()));
    protocol.setContainerSizeLimit(static_cast<int32_t>(bytes.size()));
    T value;
    value.read(&protocol);
    if (buffer->available_read() != 0)
      return Status::dataLoss("has " + std::to_string(buffer->available_read()) + " bytes after its end");
    return value;
  } catch (const std::exception &error) {
    return Status::dataLoss(std::string("is damaged or cut short (") + error.what() + "); compile the model again");
  }
}

std::string encode(const package::PackageInfo &info) { return encodeStruct(info); }
std::string encode(const package::RoleProgram &program) { return encodeStruct(program); }

StatusOr<package::PackageInfo> decodePackageInfo(const std::string &bytes) {
  return decodeStruct<package::PackageInfo>(bytes);
}
StatusOr<package::RoleProgram> decodeRoleProgram(const std::string &bytes) {
  return decodeStruct<package::RoleProgram>(bytes);
}

std::string sha256Hex(const std::string &bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

std::string programHash(const package::PackageInfo &info, const std::vector<package::RoleProgram> &programs) {
  package::PackageInfo seedless = info;
  seedless.seed = 0;
  std::string bytes = encode(seedless);
  std::vector<const package::RoleProgram *> sorted;
  sorted.reserve(programs.size());
  for (const package::RoleProgram &program : programs)
    sorted.push_back(&program);
  std::sort(sorted.begin(), sorted.end(), [](auto *a, auto *b) { return a->role < b->role; });
  for (const package::RoleProgram *program : sorted)
    bytes += encode(*program);
  return sha256Hex(bytes);
}

} // namespace heter::runtime
