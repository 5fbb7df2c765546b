// The constants of exports and of the deltas between them. docs/formats/export.md is the page for people; a change here
// that a reader could notice bumps the version.
#ifndef HETER_RUNTIME_EXPORT_EXPORTFORMAT_H
#define HETER_RUNTIME_EXPORT_EXPORTFORMAT_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heter::runtime::exports {

inline constexpr uint32_t formatVersion = 1;

// All numbers are little-endian. A file is
//   magic | u32 version | u32 bytes of the index | u32 CRC of the index | index | blocks | directory | trailer
// The index is JSON behind which spaces bring the first block to a multiple of `alignment`.
inline constexpr std::string_view magic = "HETEREXP";
inline constexpr size_t headBytes = 20;
inline constexpr size_t alignment = 64;
inline constexpr std::string_view indexFormat = "heter export";
inline constexpr size_t mostIndexBytes = size_t{1} << 30;

// A block begins with 8 numbers of 32 bits, of which the first is the CRC of the rest of the block. Dense parameters:
//   CRC | parameter | elements, low and high | 0 | 0 | 0 | 0 | values
// then rows, by virtual shard and table; each set is its keys, removed keys and values:
//   CRC | shard | table | rows of set 0 | rows of set 1 | removed of set 0 | removed of set 1 | 0 | set 0 | set 1
// Values are padded with zeros to a multiple of 8 bytes.
inline constexpr size_t blockHeadBytes = 32;
inline constexpr size_t padding = 8;
inline constexpr size_t mostSets = 2;

// The directory: for each table, for each virtual shard the u64 offset of its block in the file, 0 if it has none. The
// trailer: u32 CRC of the directory | u32 CRC of all bytes before it.
inline constexpr size_t trailerBytes = 8;

} // namespace heter::runtime::exports

#endif // HETER_RUNTIME_EXPORT_EXPORTFORMAT_H
